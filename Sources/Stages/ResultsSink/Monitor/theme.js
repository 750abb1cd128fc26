// The colours, sizes and faces of the page and of the element. An embedding page sets others on the element:
// realtime-call-monitor { --voice-accent: #7a2048; }

export const theme = new CSSStyleSheet();

theme.replaceSync(`
:root, :host {
    --voice-background: light-dark(#f4f6f8, #0e1217);
    --voice-surface: light-dark(#ffffff, #161b22);
    --voice-raised: light-dark(#eef1f5, #1f2630);
    --voice-border: light-dark(#d5dbe3, #2c3541);
    --voice-control: light-dark(#7b8797, #66748a);
    --voice-text: light-dark(#17202b, #e6ebf2);
    --voice-muted: light-dark(#52606f, #9dabbb);
    --voice-accent: light-dark(#0a5cad, #74b6ff);
    --voice-on-accent: light-dark(#ffffff, #08131f);
    --voice-good: light-dark(#10693b, #5fd197);
    --voice-waiting: light-dark(#8a5000, #e9b25a);
    --voice-bad: light-dark(#a8231b, #ff9a91);
    --voice-agent: light-dark(#0a5cad, #74b6ff);
    --voice-person: light-dark(#6b37a0, #cda8fa);
    --voice-tiny: 0.75rem;
    --voice-small: 0.8125rem;
    --voice-body: 0.875rem;
    --voice-large: 1.0625rem;
    --voice-title: 1.375rem;
    --voice-radius: 8px;
    --voice-face: ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
    --voice-code: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace;
}
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
h1, h2, h3, p, dl, dd, ol, ul, figure { margin: 0; padding: 0; }
ol, ul { list-style: none; }
a { color: var(--voice-accent); }
:focus-visible { outline: 2px solid var(--voice-accent); outline-offset: 2px; border-radius: 4px; }
button, input, select, textarea { font: inherit; color: inherit; }
button, .button {
    display: inline-flex; align-items: center; justify-content: center; gap: 6px; min-height: 34px; padding: 0 14px;
    border: 1px solid var(--voice-control); border-radius: 6px; background: var(--voice-surface);
    color: var(--voice-text); font-weight: 550; text-decoration: none; cursor: pointer; white-space: nowrap;
}
button:hover, .button:hover { background: var(--voice-raised); }
button:disabled { opacity: 0.6; cursor: default; }
.primary { background: var(--voice-accent); border-color: var(--voice-accent); color: var(--voice-on-accent); }
.primary:hover { background: color-mix(in srgb, var(--voice-accent) 86%, var(--voice-text)); }
.danger { border-color: var(--voice-bad); color: var(--voice-bad); }
.danger.primary { background: var(--voice-bad); color: light-dark(#ffffff, #250605); }
.danger.primary:hover { background: color-mix(in srgb, var(--voice-bad) 86%, var(--voice-text)); }
.unseen {
    position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%);
    white-space: nowrap;
}
.chip {
    --tone: var(--voice-muted);
    display: inline-flex; align-items: center; gap: 6px; min-height: 22px; padding: 0 8px; border-radius: 11px;
    background: color-mix(in srgb, var(--tone) 12%, var(--voice-surface)); color: var(--tone);
    font-size: var(--voice-tiny); font-weight: 600; white-space: nowrap;
}
.chip.dot::before { content: ""; width: 7px; height: 7px; border-radius: 50%; background: currentColor; }
.chip[data-kind="live"], .chip[data-kind="good"] { --tone: var(--voice-good); }
.chip[data-kind="waiting"] { --tone: var(--voice-waiting); }
.chip[data-kind="bad"] { --tone: var(--voice-bad); }
.meter { display: block; height: 6px; border-radius: 3px; background: var(--voice-raised); overflow: hidden; }
.meter > span {
    display: block; height: 100%; border-radius: 3px; background: var(--voice-agent); transform: scaleX(0);
    transform-origin: left;
}
.meter.person > span { background: var(--voice-person); }
dialog {
    max-width: min(30rem, calc(100vw - 32px)); padding: 20px; border: 1px solid var(--voice-border);
    border-radius: 12px; background: var(--voice-surface); color: var(--voice-text);
    box-shadow: 0 12px 40px rgb(0 0 0 / 0.35);
}
dialog::backdrop { background: rgb(8 12 18 / 0.55); }
dialog h2 { font-size: var(--voice-large); margin-bottom: 8px; }
dialog .actions { display: flex; justify-content: flex-end; flex-wrap: wrap; gap: 8px; margin-top: 18px; }
table { width: 100%; border-collapse: collapse; font-size: var(--voice-small); }
caption { text-align: left; color: var(--voice-muted); padding: 4px 0; }
th, td { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--voice-border); text-align: left; vertical-align: top; }
th { color: var(--voice-muted); font-weight: 550; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
details > summary { cursor: pointer; color: var(--voice-muted); font-size: var(--voice-small); padding: 4px 0; }
svg.chart { display: block; width: 100%; height: auto; overflow: visible; }
svg.chart text { fill: var(--voice-muted); font: 11px var(--voice-face); }
svg.chart .axis { stroke: var(--voice-border); stroke-width: 1; }
svg.chart .one { fill: var(--voice-accent); }
svg.chart .two { fill: color-mix(in srgb, var(--voice-accent) 35%, var(--voice-surface)); }
svg.chart .good { fill: var(--voice-good); }
svg.chart .bad { fill: var(--voice-bad); }
svg.chart .waiting { fill: var(--voice-waiting); }
svg.chart .done { fill: var(--voice-control); }
svg.chart .track { fill: var(--voice-raised); }
svg.chart .flow { fill: none; stroke: var(--voice-accent); stroke-opacity: 0.45; }
svg.chart .label { fill: var(--voice-text); }
@media (prefers-reduced-motion: reduce) {
    *, *::before, *::after {
        animation: none !important; transition: none !important; scroll-behavior: auto !important;
    }
}
@media (forced-colors: active) {
    .meter { border: 1px solid CanvasText; }
    .meter > span { background: Highlight; forced-color-adjust: none; }
}
`);
