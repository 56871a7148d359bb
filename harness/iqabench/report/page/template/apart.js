// The images on which a scorer and the others disagree most.
function startApart() {
  const select = element("apart-scorer");
  const others = data.judged ? "people" : "the other scorers";
  const card = ([row, own, other]) => {
    const item = make("li");
    item.append(shown(row, "small"), make("span", words(row)));
    const scorer = Number(select.value);
    item.append(make("span", `scorer ${own.toFixed(0)} of 100 (${number(scoresOf[scorer][row])})`));
    item.append(make("span", `${others} ${other.toFixed(0)} of 100${Number.isFinite(mos[row]) ? ` (${number(mos[row])})` : ""}`));
    return item;
  };
  const update = () => {
    for (const side of ["kind", "harsh"]) {
      const found = data.apart[select.value][side];
      element(side).replaceChildren(...(found.length ? found.map(card) : [make("li", "No image.")]));
    }
  };
  select.addEventListener("change", update);
  update();
}
