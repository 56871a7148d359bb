// Scores against opinions: a small plot a scorer, drawn when it comes into view.
const COLOURS = { sr: "#0072b2", lle: "#d55e00", dn: "#00845f", "": "#595959" };
const colourOf = (row) => COLOURS[fact("task", row)] || COLOURS[""];

// Where things lie: x runs with quality, whichever way the scorer runs; y with the opinion.
function frameOf(scorer, rows) {
  const values = scoresOf[scorer];
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const row of rows) {
    const [x, y] = [values[row], mos[row]];
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    left = Math.min(left, x); right = Math.max(right, x);
    bottom = Math.min(bottom, y); top = Math.max(top, y);
  }
  if (left > right) return null;
  const [padX, padY] = [(right - left || 1) * 0.04, (top - bottom || 1) * 0.06];
  const frame = { left: left - padX, right: right + padX, bottom: bottom - padY, top: top + padY, low: left, high: right, least: bottom, most: top };
  return frame;
}

function place(frame, scorer, width, height, margin) {
  const [wide, tall] = [width - margin.left - margin.right, height - margin.top - margin.bottom];
  const up = scorers[scorer].higher;
  return {
    x: (score) => { const share = (score - frame.left) / (frame.right - frame.left); return margin.left + wide * (up ? share : 1 - share); },
    y: (opinion) => { const share = (opinion - frame.bottom) / (frame.top - frame.bottom); return margin.top + tall * (data.mosUp ? 1 - share : share); },
  };
}

// In an order that has nothing to do with their type, so that none lies over the others; always the same one.
function mixed(rows) {
  let step = Math.floor(rows.length * 0.618) || 1;
  const common = (a, b) => (b ? common(b, a % b) : a);
  while (common(step, rows.length) > 1) step++;
  return rows.map((_, at) => rows[(at * step) % rows.length]);
}

function canvasOf(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

function curve(group, scorer, score) {
  const at = (group * scorers.length + scorer) * 4;
  const [high, low, centre, scale] = fits.subarray(at, at + 4);
  const better = scorers[scorer].higher ? score : -score;
  const opinion = (high - low) / (1 + Math.exp(-(better - centre) / scale)) + low;
  return data.mosUp ? opinion : -opinion;
}

function draw(canvas, group, scorer, size) {
  const { context, width, height } = canvasOf(canvas);
  const rows = groups[group].rows;
  const frame = frameOf(scorer, rows);
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = "#444";
  if (!frame) {
    context.fillText("no scores here", 12, height / 2);
    return null;
  }
  const margin = { left: 40, right: 10, top: 8, bottom: 20 };
  const at = place(frame, scorer, width, height, margin);
  context.strokeStyle = "#999";
  context.strokeRect(margin.left + 0.5, margin.top + 0.5, width - margin.left - margin.right, height - margin.top - margin.bottom);
  context.textAlign = "right";
  const [upper, lower] = data.mosUp ? [frame.most, frame.least] : [frame.least, frame.most];
  context.fillText(number(upper), margin.left - 4, margin.top + 10);
  context.fillText(number(lower), margin.left - 4, height - margin.bottom);
  const [worst, best] = scorers[scorer].higher ? [frame.low, frame.high] : [frame.high, frame.low];
  context.fillText(number(best), width - margin.right, height - 6);
  context.textAlign = "left";
  context.fillText(number(worst), margin.left, height - 6);
  const values = scoresOf[scorer];
  context.globalAlpha = rows.length > 1500 ? 0.35 : rows.length > 300 ? 0.55 : 0.85;
  const half = size / 2;
  for (const row of mixed(rows)) {
    const [x, y] = [values[row], mos[row]];
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    context.fillStyle = colourOf(row);
    context.fillRect(at.x(x) - half, at.y(y) - half, size, size);
  }
  context.globalAlpha = 1;
  if (fits && groups[group].pooled && Number.isFinite(curve(group, scorer, frame.low))) {
    context.beginPath();
    for (let step = 0; step <= 80; step++) {
      const score = frame.low + ((frame.high - frame.low) * step) / 80;
      context.lineTo(at.x(score), at.y(curve(group, scorer, score)));
    }
    context.strokeStyle = "#fff"; context.lineWidth = 3.5; context.stroke();
    context.strokeStyle = "#1a1a1a"; context.lineWidth = 2; context.stroke();
    context.lineWidth = 1;
  }
  return at;
}

function caption(group, scorer) {
  const at = group * scorers.length + scorer;
  const parts = [["plcc none", "PLCC"], ["plcc logistic4", "fitted"], ["srcc none", "SRCC"]]
    .filter(([name]) => figures[name])
    .map(([name, word]) => `${word} ${Number.isFinite(figures[name][at]) ? figures[name][at].toFixed(3) : "-"}`);
  const n = groups[group].rows.filter((row) => Number.isFinite(scoresOf[scorer][row])).length;
  return `${parts.join(", ")}, n=${n} of ${groups[group].n}`;
}

function startScatter() {
  const select = element("scatter-group");
  if (!select) return;
  choose(select, groups.map((group) => group.label), groups.length - 1);
  const tasks = Object.keys(COLOURS).filter((task) => data.task.labels.includes(task) || (task === "" && data.task.labels.some((label) => !COLOURS[label])));
  element("legend").replaceChildren(...(tasks.length > 1 ? tasks : []).map((task) => {
    const entry = make("span", { sr: "super-resolution", lle: "low light", dn: "denoising", "": "other" }[task]);
    entry.style.setProperty("--dot", COLOURS[task]);
    return entry;
  }));
  const drawn = new Map();
  const update = (canvas) => {
    const scorer = Number(canvas.dataset.scorer);
    const group = Number(select.value);
    if (drawn.get(canvas) === group) return;
    drawn.set(canvas, group);
    draw(canvas, group, scorer, 2.5);
    const text = caption(group, scorer);
    canvas.setAttribute("aria-label", `${scorers[scorer].label} against opinions on ${groups[group].label}: ${text}`);
    canvas.parentElement.querySelector("span").textContent = text;
  };
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      entry.target.dataset.near = entry.isIntersecting ? "1" : "";
      if (entry.isIntersecting) update(entry.target);
    }
  }, { rootMargin: "200px" });
  const canvases = scorers.map((scorer, at) => {
    const figure = make("figure");
    const canvas = make("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${scorer.label} against opinions`);
    canvas.dataset.scorer = at;
    const text = make("figcaption");
    text.append(make("b", scorer.label), " ", make("span"));
    figure.append(canvas, text);
    element("plots").append(figure);
    watch.observe(canvas);
    return canvas;
  });
  select.addEventListener("change", () => canvases.filter((canvas) => canvas.dataset.near).forEach(update));
  window.addEventListener("resize", () => { drawn.clear(); canvases.filter((canvas) => canvas.dataset.near).forEach(update); });
}
