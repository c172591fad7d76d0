// Of each library what the page uses; `make page-libraries` bundles it.
export { default as DataTable } from "datatables.net";
export { arrow, axisX, axisY, barX, dot, gridX, gridY, lineY, plot, rect, rectY, ruleX, ruleY, text } from "@observablehq/plot";
export { arc } from "d3-shape";
