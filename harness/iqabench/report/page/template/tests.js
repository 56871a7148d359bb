// Every two scorers: is their difference decided, on the figure and the images chosen?
function startTests() {
  const table = element("tests");
  if (!table) return;
  const name = (test) => test.metric.toUpperCase() + { none: "", logistic4: " after the 4-parameter logistic" , logistic5: " after the 5-parameter logistic", cubic: " after the monotone cubic", linear: " after a line" }[test.mapping];
  const metrics = [...new Set(data.tests.map(name))];
  const [metric, group] = [element("test-metric"), element("test-group")];
  choose(metric, metrics, Math.max(0, metrics.indexOf("SRCC")));
  const labels = groups.map((one) => one.label).filter((label) => data.tests.some((test) => test.group === label));
  choose(group, labels, labels.length - 1);
  const update = () => {
    const test = data.tests.find((one) => name(one) === metrics[metric.value] && one.group === labels[group.value]);
    table.tHead.replaceChildren();
    table.tBodies[0].replaceChildren();
    table.caption.textContent = `${metrics[metric.value]} on ${labels[group.value]}`;
    if (!test) { table.caption.textContent += ": there are no resamples"; return; }
    fill(table, test);
  };
  metric.addEventListener("change", update);
  group.addEventListener("change", update);
  update();
}

function fill(table, test) {
  const values = unpack(test.values, Float32Array);
  const p = unpack(test.p, Float32Array);
  const size = scorers.length;
  const pOf = (a, b) => (a < b ? p[(a * (2 * size - a - 1)) / 2 + b - a - 1] : pOf(b, a));
  const sign = test.less ? -1 : 1;
  const order = scorers.map((_, at) => at).filter((at) => Number.isFinite(values[at])).sort((a, b) => sign * (values[b] - values[a]));
  const head = make("tr");
  head.append(make("th", "scorer"), make("th", "value"));
  for (const at of order) {
    const cell = make("th");
    cell.append(make("span", scorers[at].label));
    head.append(cell);
  }
  for (const cell of head.cells) cell.scope = "col";
  table.tHead.append(head);
  for (const a of order) {
    const row = make("tr");
    const label = make("th", scorers[a].label);
    label.scope = "row";
    row.append(label, make("td", values[a].toFixed(3)));
    for (const b of order) {
      if (a === b) { row.append(make("td", "", "self")); continue; }
      const difference = values[a] - values[b];
      const decided = pOf(a, b) < 1 - data.level;
      const won = decided && sign * difference > 0;
      const cell = make("td", `${decided ? (won ? "▲" : "▼") : "·"} ${difference >= 0 ? "+" : "−"}${Math.abs(difference).toFixed(3)}`, decided ? (won ? "won" : "lost") : "");
      const small = pOf(a, b);
      cell.append(make("span", `p ${Number.isFinite(small) ? (small < 0.001 ? small.toExponential(0) : small.toFixed(3)) : "-"}`, "below"));
      row.append(cell);
    }
    table.tBodies[0].append(row);
  }
}
