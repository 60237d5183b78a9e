"""How the status page looks: one style sheet, for wide and narrow, light and dark."""

STYLE = """
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --card: #fff; --text: #1a1f26; --soft: #565f6b; --line: #d5dae1; --link: #0b5cad;
  --good: #14692e; --bad: #b3261e; --warn: #8a4b00; --code: #eef1f5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #10141a; --card: #181e26; --text: #e6eaf0; --soft: #a3aebb; --line: #323b47; --link: #7db8ff;
    --good: #6fd38a; --bad: #ff8f87; --warn: #f2b76b; --code: #0c1016;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem; max-width: 76rem; background: var(--ground); color: var(--text);
  font: 1rem/1.45 system-ui, sans-serif; overflow-wrap: anywhere;
}
h1, h2, h3, p, dl, dd, ol, ul, pre { margin: 0; padding: 0; }
h1 { font-size: 1.4rem; }
h2 { font-size: 1.15rem; margin: 0 0 .6rem; }
h3 { font-size: 1rem; }
a { color: var(--link); }
a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
code, pre, .output { font-family: ui-monospace, monospace; font-size: .88rem; }
pre, .output { background: var(--code); border-radius: 4px; padding: .4rem .6rem; white-space: pre-wrap; }
header, section { margin-bottom: 1.5rem; }
section > p { margin-bottom: .6rem; }
header p, .soft { color: var(--soft); }
.soft { font-size: .88rem; }
.card, .event, .scroll { background: var(--card); border: 1px solid var(--line); border-radius: 6px; }
.card, .scroll { padding: .8rem 1rem; }
.good { border-left: 4px solid var(--good); }
.bad { border-left: 4px solid var(--bad); }
.card ul, .card ol { padding-left: 1.2rem; }
.card li + li { margin-top: .4rem; }
.card li pre { margin: .3rem 0; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1rem; }
.columns > * { min-width: 0; }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .25rem .8rem; margin-top: .5rem; }
.facts dt, .details dt { color: var(--soft); }
.never { color: var(--bad); font-weight: 600; }
.none, .nodata { background: var(--card); border-radius: 6px; padding: .6rem 1rem; }
.none { border: 1px solid var(--line); }
.nodata { border: 1px dashed var(--soft); color: var(--soft); font-style: italic; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; color: var(--soft); font-size: .88rem; padding-bottom: .4rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); }
tbody tr:last-child > * { border-bottom: 0; }
thead th { color: var(--soft); font-size: .88rem; overflow-wrap: normal; }
tbody th { font-weight: 400; }
.number {
  text-align: right; padding-right: 0; padding-left: .6rem; white-space: nowrap; font-variant-numeric: tabular-nums;
}
.events { list-style: none; display: grid; gap: .6rem; }
.event { padding: .6rem .9rem; border-left-width: 4px; overflow: hidden; min-width: 0; }
.event > * + * { margin-top: .3rem; }
.critical { border-left-color: var(--bad); }
.warning { border-left-color: var(--warn); }
.badge {
  display: inline-block; padding: 0 .45rem; border: 1px solid currentColor; border-radius: 4px;
  font-size: .8rem; font-weight: 600; color: var(--soft);
}
.badge.critical { color: var(--bad); }
.badge.warning { color: var(--warn); }
.details { display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; font-size: .88rem; }
.details div { min-width: 0; max-width: 100%; }
.details dt, .details dd { display: inline; }
.details dd { font-family: ui-monospace, monospace; }
@media (max-width: 30rem) {
  body { padding: .6rem; }
  .card, .scroll { padding: .6rem; }
  table { font-size: .88rem; }
  .number { padding-left: .3rem; }
  tbody th { min-width: 5.5rem; }
}
"""
