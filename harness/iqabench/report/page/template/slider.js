// Two versions of one photo in one frame, and the border between them.
function startSlider() {
  const photo = element("photo");
  if (!photo) return;
  const [left, right, slider] = [element("left"), element("right"), element("slider")];
  choose(photo, data.photos.map((one) => one.name), 0);
  const versions = () => data.photos[photo.value].versions;
  const update = () => {
    const [a, b] = [versions()[left.value], versions()[right.value]];
    for (const [id, row] of [["over", a], ["under", b]]) {
      const image = element(id);
      const source = picture(row, "large");
      image.hidden = !source;
      if (source) image.src = source;
      image.alt = source ? words(row) : "";
    }
    const words_ = (row) => version(row) + (picture(row, "large") ? "" : ` (${(data.missing && data.missing[row]) || "no picture"})`);
    element("versions").textContent = `Left: ${words_(a)}. Right: ${words_(b)}.`;
    beside(a, b);
  };
  const restart = () => {
    const labels = versions().map(version);
    const there = versions().map((row, at) => at).filter((at) => picture(versions()[at], "large"));
    const enhanced = there.filter((at) => fact("enhancer", versions()[at]));
    choose(left, labels, there[0] ?? 0);
    choose(right, labels, enhanced.find((at) => at !== there[0]) ?? there[1] ?? 0);
    element("strip").replaceChildren(...versions().map((row) => {
      const item = make("li");
      item.append(shown(row, "large"), make("span", version(row)));
      if (Number.isFinite(mos[row])) item.append(make("span", `opinion ${number(mos[row])}`));
      return item;
    }));
    update();
  };
  photo.addEventListener("change", restart);
  left.addEventListener("change", update);
  right.addEventListener("change", update);
  slider.addEventListener("input", () => {
    element("frame").style.setProperty("--at", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${slider.value} % left version`);
  });
  restart();
}

function beside(a, b) {
  const table = element("beside");
  const head = make("tr");
  head.append(...["scorer", `left: ${version(a)}`, `right: ${version(b)}`].map((text) => { const cell = make("th", text); cell.scope = "col"; return cell; }));
  table.tHead.replaceChildren(head);
  const rows = scorers.map((scorer, at) => {
    const row = make("tr");
    const label = make("th", `${scorer.label} ${scorer.higher ? "↑" : "↓"}`);
    label.scope = "row";
    const [x, y] = [scoresOf[at][a], scoresOf[at][b]];
    const better = Number.isFinite(x) && Number.isFinite(y) && x !== y ? ((x > y) === scorer.higher ? 0 : 1) : -1;
    row.append(label, ...[x, y].map((value, side) => {
      const cell = make("td");
      cell.append(side === better ? make("strong", number(value)) : number(value));
      return cell;
    }));
    return row;
  });
  table.tBodies[0].replaceChildren(...rows);
}
