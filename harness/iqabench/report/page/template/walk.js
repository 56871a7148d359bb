// One scorer in a large plot: the slider, or the mouse, goes from image to image.
function startWalk() {
  const canvas = element("large");
  if (!canvas) return;
  const [select, range, group] = [element("walk-scorer"), element("walk"), element("scatter-group")];
  let rows = [];
  let at = null;
  const under = document.createElement("canvas");  // the plot without a mark
  const redraw = () => {
    const scorer = Number(select.value);
    rows = groups[group.value].rows
      .filter((row) => Number.isFinite(scoresOf[scorer][row]) && Number.isFinite(mos[row]))
      .sort((a, b) => scoresOf[scorer][a] - scoresOf[scorer][b]);
    range.max = Math.max(0, rows.length - 1);
    at = draw(canvas, Number(group.value), scorer, 4);
    [under.width, under.height] = [canvas.width, canvas.height];
    if (canvas.width && canvas.height) under.getContext("2d").drawImage(canvas, 0, 0);
    mark();
  };
  const mark = () => {
    const scorer = Number(select.value);
    const row = rows[range.value];
    element("walk-picture").hidden = true;
    if (row === undefined || !at) { element("walk-says").textContent = "No image has both a score and an opinion here."; return; }
    const context = canvas.getContext("2d");
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(under, 0, 0);
    context.restore();
    const [x, y] = [at.x(scoresOf[scorer][row]), at.y(mos[row])];
    context.beginPath();
    context.arc(x, y, 7, 0, 2 * Math.PI);
    context.lineWidth = 5; context.strokeStyle = "#fff"; context.stroke();
    context.lineWidth = 2.5; context.strokeStyle = "#1a1a1a"; context.stroke();
    element("walk-says").textContent = `${words(row)}\n${scorers[scorer].label} ${number(scoresOf[scorer][row])}, opinion ${number(mos[row])}`;
    range.setAttribute("aria-valuetext", words(row));
    const source = picture(row, "small");
    if (source) {
      element("walk-picture").src = source;
      element("walk-picture").alt = words(row);
      element("walk-picture").hidden = false;
    }
  };
  canvas.addEventListener("pointermove", (event) => {
    if (!at) return;
    const box = canvas.getBoundingClientRect();
    const scorer = Number(select.value);
    let [best, nearest] = [400, -1];
    rows.forEach((row, index) => {
      const [dx, dy] = [at.x(scoresOf[scorer][row]) - event.clientX + box.left, at.y(mos[row]) - event.clientY + box.top];
      if (dx * dx + dy * dy < best) [best, nearest] = [dx * dx + dy * dy, index];
    });
    if (nearest >= 0 && nearest !== Number(range.value)) { range.value = nearest; mark(); }
  });
  range.addEventListener("input", mark);
  const restart = () => { range.value = 0; redraw(); };
  let started = false;
  const watch = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && !started) {
      started = true;
      restart();
      select.addEventListener("change", restart);
      group.addEventListener("change", restart);
      window.addEventListener("resize", redraw);
    }
  }, { rootMargin: "200px" });
  watch.observe(canvas);
}
