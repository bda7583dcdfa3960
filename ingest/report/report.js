"use strict";
// Draws the pictures of the report with BokehJS. What it draws comes packed from ingest/report/payload.py.
(async () => {
  const bytes = (id) => Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
  const unpack = (id) => new Response(new Blob([bytes(id)]).stream().pipeThrough(new DecompressionStream("deflate"))).text();

  const numbers = ({ type, data }) => {
    const raw = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const width = globalThis[type].BYTES_PER_ELEMENT, length = raw.length / width, whole = new Uint8Array(raw.length);
    for (let b = 0; b < width; b++) for (let i = 0; i < length; i++) whole[i * width + b] = raw[b * length + i];
    return new globalThis[type](whole.buffer);
  };

  const library = document.createElement("script");
  library.textContent = await unpack("library");
  document.head.append(library);
  const data = JSON.parse(await unpack("data"));
  for (const key of ["stage", "executor", "lane", "index", "start", "duration", "bytes", "part", "outcome", "straggler"]) data[key] = numbers(data[key]);
  const { Plotting, ColumnDataSource, HoverTool, CustomJSTickFormatter, FixedTicker, BoxZoomTool, Range1d } = Bokeh;

  const units = globalThis.AfterglowUnits;
  const time = (ms) => units.seconds(ms / 1000), size = units.size;
  const TIME_TICKS = "return AfterglowUnits.seconds(tick / 1000)", SIZE_TICKS = "return AfterglowUnits.size(tick)";
  // Ticks at whole seconds, minutes and hours, which a decimal axis would miss.
  const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 3e4, 6e4, 12e4, 3e5, 6e5, 12e5, 18e5, 36e5, 72e5, 144e5, 432e5, 864e5, 1728e5, 6048e5];
  const timeTicker = () => new Bokeh.CompositeTicker({ tickers: [
    new Bokeh.AdaptiveTicker({ base: 10, mantissas: [1, 2, 5], min_interval: 0, max_interval: 500, num_minor_ticks: 0 }),
    new Bokeh.AdaptiveTicker({ base: 60, mantissas: [1, 2, 5, 10, 15, 20, 30], min_interval: 1000, max_interval: 18e5, num_minor_ticks: 0 }),
    new Bokeh.AdaptiveTicker({ base: 24, mantissas: [1, 2, 4, 6, 8, 12], min_interval: 36e5, max_interval: 864e5 * 100, num_minor_ticks: 0 }),
  ] });
  const stepped = (upTo, wanted) => {
    const step = STEPS.find((s) => upTo / s <= wanted) || upTo / wanted;
    return Array.from({ length: Math.floor(upTo / step) + 1 }, (_, i) => i * step);
  };
  const decimal = (upTo, wanted) => {
    const power = 10 ** Math.floor(Math.log10(Math.max(upTo / wanted, 1)));
    const step = [1, 2, 5, 10].map((n) => n * power).find((s) => upTo / s <= wanted);
    return Array.from({ length: Math.floor(upTo / step) + 1 }, (_, i) => i * step);
  };

  const PARTS = ["#999999", "#0072b2", "#d55e00", "#e69f00", "#cc79a7", "#56b4e9", "#009e73"];
  const STAGES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442"];
  const OUTCOMES = ["#56b4e9", "#d55e00", "#f0e442"];
  const names = ["not known", ...data.parts];
  const share = (ms, of) => units.share(ms / Math.max(of, 1));
  const by = () => document.querySelector("#colour-by input:checked")?.value || "part";
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const legend = (id, items) => {
    const box = document.getElementById(id);
    if (!box) return;
    box.replaceChildren(...items.map(([colour, text]) => {
      const item = document.createElement("span"), swatch = document.createElement("i");
      swatch.style.background = colour;
      item.append(swatch, text);
      return item;
    }));
  };

  const figure = (height, options) => {
    const ink = css("--ink"), quiet = css("--quiet"), line = css("--line");
    const made = Plotting.figure({ height, sizing_mode: "stretch_width", tools: "xpan,xwheel_zoom,box_zoom,reset", active_scroll: null, toolbar_location: "above",
      background_fill_alpha: 0, border_fill_alpha: 0, outline_line_color: line, min_border_right: 36, ...options });
    made.toolbar.logo = null;
    for (const axis of [made.xaxis, made.yaxis]) {
      axis.axis_line_color = line; axis.major_tick_line_color = line; axis.minor_tick_line_color = null;
      axis.major_label_text_color = quiet; axis.axis_label_text_color = ink; axis.major_label_text_font_size = "12px";
      axis.axis_label_text_font_size = "12px"; axis.axis_label_text_font_style = "normal"; axis.major_label_text_font = axis.axis_label_text_font = "system-ui, sans-serif";
    }
    made.xgrid.grid_line_color = made.ygrid.grid_line_color = line;
    made.xgrid.grid_line_alpha = made.ygrid.grid_line_alpha = 0.5;
    return made;
  };
  const put = async (id, made) => {
    const box = document.getElementById(id);
    box.replaceChildren();
    await Plotting.show(made, box);
  };
  const hover = (rows, extra = {}) => new HoverTool({ tooltips: rows, ...extra });
  const overTime = (made) => {
    made.xaxis.ticker = made.xgrid.ticker = timeTicker();
    made.xaxis.formatter = new CustomJSTickFormatter({ code: TIME_TICKS });
    made.xaxis.axis_label = "time since the application started";
  };

  const executor = (i) => { const name = data.executors[data.executor[i]]?.name ?? "unknown"; return /^\d+$/.test(name) ? `executor ${name}` : name; };
  const taskName = (i) => `task ${data.index[i]}`;
  const columns = (at) => ({
    what: at.map(taskName), of: at.map((i) => data.names[data.stage[i]]), on: at.map((i) => data.executors[data.executor[i]]?.name ?? "unknown"),
    took: at.map((i) => time(data.duration[i])), read: at.map((i) => size(data.bytes[i])), mostly: at.map((i) => names[data.part[i]]),
    outcome: at.map((i) => data.outcomes[data.outcome[i]] + (data.straggler[i] ? `, ${data.straggler[i] / 10} times its stage's median` : "") + (data.causes[i] ? `: ${data.causes[i]}` : "")),
  });
  const ROWS = [["task", "@what"], ["stage", "@of"], ["executor", "@on"], ["took", "@took"], ["mostly", "@mostly"], ["read", "@read"], ["outcome", "@outcome"]];

  const timeline = async () => {
    if (!document.getElementById("timeline")) return;
    const at = Array.from(data.start.keys()), mode = by();
    const rows = data.executors.reduce((sum, one) => sum + one.slots, 0);
    const made = figure(Math.min(Math.max(rows * 14 + 110, 190), 620), { x_range: new Range1d({ start: 0, end: data.span, bounds: [-data.span * 0.02, data.span * 1.02] }), y_range: new Range1d({ start: rows, end: 0 }) });
    const colour = { part: (i) => PARTS[data.part[i]], stage: (i) => STAGES[data.stage[i] % STAGES.length], outcome: (i) => OUTCOMES[data.outcome[i]] }[mode];
    const source = new ColumnDataSource({ data: { left: Array.from(data.start), right: at.map((i) => data.start[i] + Math.max(data.duration[i], data.span / 4000)),
      top: at.map((i) => data.lane[i] + 0.06), bottom: at.map((i) => data.lane[i] + 0.94), colour: at.map(colour), ...columns(at) } });
    made.quad({ left: { field: "left" }, right: { field: "right" }, top: { field: "top" }, bottom: { field: "bottom" }, source, fill_color: { field: "colour" }, line_color: css("--paper"), line_width: data.start.length > 3000 ? 0 : 0.5 });
    made.add_tools(hover(ROWS));
    overTime(made);
    let from = 0;
    const middles = [], labels = [], edges = [];
    for (const one of data.executors) { middles.push(from + one.slots / 2); labels.push(one.name); edges.push(from); from += one.slots; }
    const every = Math.ceil(middles.length / 40);
    const shown = middles.filter((_, i) => i % every === 0);
    made.yaxis.ticker = new FixedTicker({ ticks: shown });
    made.yaxis.major_label_overrides = new Map(middles.map((m, i) => [m, labels[i].length > 14 ? labels[i].slice(0, 13) + "…" : labels[i]]));
    made.yaxis.axis_label = "executor";
    made.ygrid.ticker = new FixedTicker({ ticks: edges });
    await put("timeline", made);
    const spent = (of, number) => { const sums = new Array(number).fill(0); at.forEach((i) => { sums[of[i]] += data.duration[i]; }); return sums; };
    const total = at.reduce((sum, i) => sum + data.duration[i], 0);
    if (mode === "part") legend("timeline-legend", spent(data.part, names.length).map((ms, i) => [ms, [PARTS[i], `mostly ${names[i]} (${share(ms, total)} of task time)`]]).filter(([ms]) => ms > 0).sort((a, b) => b[0] - a[0]).map(([, one]) => one));
    else if (mode === "outcome") legend("timeline-legend", spent(data.outcome, 3).map((ms, i) => [ms, [OUTCOMES[i], `${data.outcomes[i]} (${share(ms, total)} of task time)`]]).filter(([ms]) => ms > 0).map(([, one]) => one));
    else {
      const sums = spent(data.stage, data.names.length).map((ms, i) => [ms, i]).sort((a, b) => b[0] - a[0]).slice(0, 6).filter(([ms]) => ms > 0);
      legend("timeline-legend", sums.map(([ms, i]) => [STAGES[i % STAGES.length], `${data.names[i].slice(0, 50)} (${share(ms, total)})`]));
    }
  };

  const stages = async () => {
    if (!document.getElementById("stages")) return;
    const rows = Math.max(...data.stages.map((s) => s.lane)) + 1;
    const made = figure(Math.min(Math.max(rows * 26 + 100, 150), 560), { x_range: new Range1d({ start: 0, end: data.span, bounds: [-data.span * 0.02, data.span * 1.02] }), y_range: new Range1d({ start: rows, end: 0 }) });
    const all = { critical: css("--mark"), failed: "#d55e00", plain: css("--plain") };
    // The part of a name that fits its bar: all of it, or the stage's id.
    const pixels = (document.getElementById("stages").clientWidth - 60) / data.span;
    const fitting = (s) => [s.name, s.name.split(" ")[0]].find((name) => name.length * 7.2 + 10 < (s.end - s.start) * pixels) || "";
    const source = new ColumnDataSource({ data: { left: data.stages.map((s) => s.start), right: data.stages.map((s) => Math.max(s.end, s.start + data.span / 2000)), top: data.stages.map((s) => s.lane + 0.1), bottom: data.stages.map((s) => s.lane + 0.9),
      colour: data.stages.map((s) => (s.failed ? all.failed : s.critical ? all.critical : all.plain)), edge: data.stages.map((s) => (s.critical ? css("--dark") : css("--paper"))), name: data.stages.map((s) => s.name),
      took: data.stages.map((s) => time(s.end - s.start)), tasks: data.stages.map((s) => String(s.tasks)), cost: data.stages.map((s) => s.cost), path: data.stages.map((s) => (s.critical ? "on the critical path" : "beside it") + (s.failed ? ", failed" : "")) } });
    made.quad({ left: { field: "left" }, right: { field: "right" }, top: { field: "top" }, bottom: { field: "bottom" }, source, fill_color: { field: "colour" }, line_color: { field: "edge" }, line_width: data.stages.length > 60 ? 0 : 1 });
    const long = data.stages.filter(fitting);
    made.text({ x: long.map((s) => s.start + data.span / 250), y: long.map((s) => s.lane + 0.5), text: long.map(fitting), text_baseline: "middle", text_font_size: "12px", text_font: "system-ui, sans-serif",
      text_color: long.map((s) => (s.failed || !s.critical ? css("--ink") : css("--paper"))) });
    made.add_tools(hover([["stage", "@name"], ["took", "@took"], ["tasks", "@tasks"], ["run time of its tasks", "@cost"], ["", "@path"]]));
    overTime(made);
    made.yaxis.visible = false;
    made.ygrid.visible = false;
    await put("stages", made);
    legend("stages-legend", [[all.critical, "on the critical path"], [all.plain, "beside it"], ...(data.stages.some((s) => s.failed) ? [[all.failed, "failed"]] : [])]);
  };

  const scatter = async () => {
    const select = document.getElementById("which");
    if (!select) return;
    if (!select.options.length) {
      for (const i of data.scatter) select.add(new Option(data.names[i], i));
      select.addEventListener("change", scatter);
    }
    const wanted = +select.value, at = Array.from(data.start.keys()).filter((i) => data.stage[i] === wanted);
    const colour = (i) => (data.outcome[i] ? "#d55e00" : data.straggler[i] ? "#e69f00" : css("--mark"));
    const most = (of) => Math.max(...at.map((i) => of[i]), 1);
    // A stage that reads nothing is drawn against the order of its tasks.
    const reads = at.some((i) => data.bytes[i] > 0), x = reads ? data.bytes : data.index, right = most(x), high = most(data.duration);
    const made = figure(340, { x_range: new Range1d({ start: -right * 0.03, end: right * 1.18 }), y_range: new Range1d({ start: -high * 0.04, end: high * 1.1 }), tools: "pan,xwheel_zoom,box_zoom,reset" });
    const sorted = at.map((i) => data.duration[i]).sort((a, b) => a - b), median = sorted[Math.floor(sorted.length / 2)];
    made.line({ x: [-right, right * 2], y: [median, median], line_color: css("--quiet"), line_dash: "dashed" });
    const source = new ColumnDataSource({ data: { x: at.map((i) => x[i]), y: at.map((i) => data.duration[i]), colour: at.map(colour), ...columns(at) } });
    const points = made.scatter({ x: { field: "x" }, y: { field: "y" }, source, size: 8, fill_color: { field: "colour" }, fill_alpha: 0.7, line_color: css("--paper"), line_width: 0.5 });
    const named = at.filter((i) => data.straggler[i]).sort((a, b) => data.duration[b] - data.duration[a]).slice(0, 5);
    const heights = [];
    for (const i of named) heights.push(Math.min(data.duration[i], (heights.length ? heights[heights.length - 1] : Infinity) - high * 0.075));
    const leftwards = (i) => x[i] > right * 0.55, shift = (i) => (leftwards(i) ? -1 : 1) * right * 0.03;
    made.segment({ x0: named.map((i) => x[i]), y0: named.map((i) => data.duration[i]), x1: named.map((i) => x[i] + shift(i)), y1: heights, line_color: css("--quiet"), line_width: 0.7 });
    made.text({ x: named.map((i) => x[i] + shift(i) * 1.1), y: heights, text_align: named.map((i) => (leftwards(i) ? "right" : "left")),
      text: named.map((i) => `${taskName(i)} on ${executor(i)}: ${data.causes[i] ?? names[data.part[i]]}`), text_baseline: "middle", text_font_size: "12px", text_font: "system-ui, sans-serif", text_color: css("--ink") });
    made.add_tools(hover(ROWS, { renderers: [points] }));
    if (reads) {
      made.xaxis.ticker = made.xgrid.ticker = new FixedTicker({ ticks: decimal(right, 7) });
      made.xaxis.formatter = new CustomJSTickFormatter({ code: SIZE_TICKS });
    }
    made.yaxis.ticker = made.ygrid.ticker = new FixedTicker({ ticks: stepped(high * 1.1, 7) });
    made.yaxis.formatter = new CustomJSTickFormatter({ code: TIME_TICKS });
    made.xaxis.axis_label = reads ? "bytes read, from storage, cache and shuffle" : "index of the task; this stage reads no bytes that Spark counts";
    made.yaxis.axis_label = "task time";
    await put("scatter", made);
    legend("scatter-legend", [[css("--mark"), "task"], ["#e69f00", "3 times the median (dashed) or more"], ...(at.some((i) => data.outcome[i]) ? [["#d55e00", "failed or killed"]] : [])]);
  };

  const draw = async () => {
    let failed = false;
    for (const [id, picture] of [["timeline", timeline], ["stages", stages], ["scatter", scatter]]) {
      try { await picture(); } catch (error) {
        failed = true;
        document.getElementById(id).textContent = `The picture could not be drawn: ${error}`;
      }
    }
    document.body.dataset.drawn = String(!failed);
  };
  document.querySelectorAll("#colour-by input").forEach((input) => input.addEventListener("change", timeline));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  await draw();
})().catch((error) => {
  document.querySelectorAll(".picture").forEach((box) => { box.textContent = `The picture could not be drawn: ${error}`; });
});
