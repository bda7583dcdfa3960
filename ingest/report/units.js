"use strict";
// How figures are shown to people: the same functions as ingest/units.py, which one table of examples tests too.
globalThis.AfterglowUnits = (() => {
  const grouped = (text) => text.replace(/^(\d+)/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));

  const significant = (value) => {
    if (value === 0) return "0";
    const digits = Math.max(2 - Math.floor(Math.log10(Math.abs(value))), 0), power = 10 ** digits;
    const text = grouped((Math.floor(Math.abs(value) * power + 0.5) / power).toFixed(digits));
    return (value < 0 ? "-" : "") + (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  };

  const count = (value) => (value < 0 ? "-" : "") + grouped(String(Math.abs(Math.floor(value + 0.5))));

  const seconds = (value) => {
    const length = Math.abs(value), sign = value < 0 ? "-" : "";
    if (value === 0) return "0 s";
    if (length < 0.9995) return length < 0.01 ? `${significant(value * 1000)} ms` : `${count(value * 1000)} ms`;
    if (length < 59.95) return `${significant(value)} s`;
    const whole = Math.floor(length + 0.5), minutes = Math.floor(whole / 60), rest = whole % 60;
    if (minutes < 60) return `${sign}${minutes} min` + (rest ? ` ${rest} s` : "");
    return `${sign}${count(Math.floor(minutes / 60))} h` + (minutes % 60 ? ` ${minutes % 60} min` : "");
  };

  const size = (value) => {
    for (const unit of ["B", "kB", "MB", "GB"]) { if (Math.abs(value) < 999.5) return `${significant(value)} ${unit}`; value /= 1000; }
    return `${significant(value)} TB`;
  };

  const share = (value) => `${Math.floor(value * 100 + 0.5)} %`;

  return { seconds, size, count, share, significant };
})();
