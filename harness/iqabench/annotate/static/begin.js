"use strict";
// Tells the server of the screen, then opens the rating page.
const form = document.getElementById("begin");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const facts = {
    width: screen.width, height: screen.height, ratio: window.devicePixelRatio, depth: screen.colorDepth,
    zoom: window.outerWidth ? window.outerWidth / window.innerWidth : 1,
  };
  for (const name of ["diagonal", "distance"]) {
    const value = form.elements[name].valueAsNumber;
    if (Number.isFinite(value)) facts[name] = value;
  }
  const token = document.querySelector("meta[name=page-token]").content;
  try {
    const answer = await fetch("/api/screen", {
      method: "POST", body: JSON.stringify(facts), headers: { "Content-Type": "application/json", "X-Page-Token": token },
    });
    if (answer.ok) window.location.assign("/rate");
    else document.getElementById("problem").textContent = (await answer.json()).error;
  } catch {
    document.getElementById("problem").textContent = "The server does not answer. Try again in a moment.";
  }
});
