// How a call looks. The element's own width decides, since it may stand in a column of another page.

export const callStyles = new CSSStyleSheet();

callStyles.replaceSync(`
:host {
    display: block; container-type: inline-size; color: var(--voice-text);
    font: var(--voice-body) / 1.45 var(--voice-face);
}
.call { display: grid; gap: 14px; }
.head { display: flex; flex-wrap: wrap; gap: 12px 20px; align-items: flex-start; justify-content: space-between; }
.who { min-width: 0; flex: 1 1 320px; }
.who h2 { font-size: var(--voice-title); line-height: 1.2; font-weight: 650; overflow-wrap: anywhere; }
.who .request { margin-top: 3px; color: var(--voice-muted); overflow-wrap: anywhere; }
.who .sid { color: var(--voice-muted); font-size: var(--voice-tiny); overflow-wrap: anywhere; }
.who .sid code { font-family: var(--voice-code); }
.state { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }
.notice { padding: 8px 12px; border-left: 3px solid var(--voice-bad); background: var(--voice-surface); }
.facts {
    display: grid; grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); gap: 1px;
    border: 1px solid var(--voice-border); border-radius: var(--voice-radius); overflow: hidden;
    background: var(--voice-border);
}
.facts > div { padding: 9px 14px; background: var(--voice-surface); min-width: 0; }
.facts dt { color: var(--voice-muted); font-size: var(--voice-tiny); }
.facts dd {
    font-size: var(--voice-large); font-weight: 600; font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
.facts dd small { display: block; font-size: var(--voice-tiny); font-weight: 400; color: var(--voice-muted); }
.columns { display: grid; gap: 14px; align-items: start; }
.side { display: grid; gap: 14px; min-width: 0; }
@container (min-width: 880px) {
    .columns { grid-template-columns: minmax(0, 1fr) minmax(300px, 380px); }
}
.panel {
    border: 1px solid var(--voice-border); border-radius: var(--voice-radius); background: var(--voice-surface);
    padding: 12px 14px; min-width: 0;
}
.panel > h3 { font-size: var(--voice-small); font-weight: 650; margin-bottom: 8px; }
.nothing { color: var(--voice-muted); font-size: var(--voice-small); }
.note { color: var(--voice-muted); font-size: var(--voice-small); overflow-wrap: anywhere; }
.levels { display: grid; gap: 8px; }
.level {
    display: grid; grid-template-columns: 56px 1fr 68px; gap: 10px; align-items: center; font-size: var(--voice-small);
}
.level output { text-align: right; color: var(--voice-muted); font-variant-numeric: tabular-nums; }
.conversation { padding: 0; }
.conversation > h3 { margin: 0; padding: 12px 14px; border-bottom: 1px solid var(--voice-border); }
.transcript { position: relative; }
.scroller {
    max-height: min(68vh, 760px); min-height: 260px; overflow-y: auto; overscroll-behavior: contain; padding: 10px 14px;
}
.said { padding: 6px 0 6px 12px; border-left: 3px solid var(--side); margin-bottom: 8px; }
.said.agent { --side: var(--voice-agent); }
.said.person { --side: var(--voice-person); }
.by { display: flex; gap: 10px; align-items: baseline; font-size: var(--voice-tiny); color: var(--voice-muted); }
.speaker { font-weight: 650; color: var(--side); }
.words { overflow-wrap: anywhere; white-space: pre-wrap; max-width: 72ch; }
.words s { color: var(--voice-muted); text-decoration-color: var(--voice-bad); }
.words .cut { color: var(--voice-bad); font-size: var(--voice-tiny); font-weight: 600; white-space: nowrap; }
.partials .said { border-left-style: dotted; }
.partials .words { color: var(--voice-muted); font-style: italic; }
.between {
    display: block; margin: 2px 0 10px 3px; padding-left: 12px; overflow-wrap: anywhere; color: var(--voice-muted);
    font-size: var(--voice-small);
}
.between .tool-name { font-family: var(--voice-code); font-size: var(--voice-tiny); }
.between[data-kind="bad"] { color: var(--voice-bad); }
.between .route, .timeline .route { font-weight: 600; color: var(--voice-text); }
.latest { position: absolute; right: 18px; bottom: 14px; box-shadow: 0 2px 10px rgb(0 0 0 / 0.2); }
.cards { display: grid; gap: 10px; }
.card { border: 1px solid var(--voice-border); border-radius: 6px; padding: 9px 12px; overflow-wrap: anywhere; }
.card .kind { color: var(--voice-muted); font-size: var(--voice-tiny); }
.card .headline { font-size: var(--voice-large); font-weight: 650; }
.card .items { list-style: disc; padding-left: 18px; }
.card tr.best td { font-weight: 650; }
.card table { margin-top: 6px; }
.card .price { white-space: nowrap; }
.pairs {
    display: grid; grid-template-columns: auto 1fr; gap: 2px 12px; margin-top: 4px; font-size: var(--voice-small);
}
.pairs dt { color: var(--voice-muted); }
.timeline { display: grid; gap: 10px; }
.timeline > li { position: relative; padding-left: 18px; overflow-wrap: anywhere; font-size: var(--voice-small); }
.timeline > li::before {
    content: ""; position: absolute; left: 2px; top: 6px; width: 8px; height: 8px; border-radius: 50%;
    background: var(--voice-agent);
}
.timeline > li:not(:last-child)::after {
    content: ""; position: absolute; left: 5px; top: 16px; bottom: -14px; width: 2px; background: var(--voice-border);
}
.timeline time, .moments time {
    color: var(--voice-muted); font-size: var(--voice-tiny); font-variant-numeric: tabular-nums; margin-right: 8px;
}
.tools { display: grid; gap: 2px; }
.tools summary { color: var(--voice-text); }
code, pre { font-family: var(--voice-code); font-size: var(--voice-tiny); }
pre {
    margin: 2px 0 8px; padding: 8px; border-radius: 6px; background: var(--voice-raised); white-space: pre-wrap;
    overflow-wrap: anywhere; max-height: 220px; overflow: auto;
}
.moments { display: grid; gap: 4px; font-size: var(--voice-small); }
.moments .moment { font-weight: 550; }
.legend { display: flex; gap: 14px; font-size: var(--voice-tiny); color: var(--voice-muted); margin-top: 4px; }
.legend span::before {
    content: ""; display: inline-block; width: 9px; height: 9px; border-radius: 2px; margin-right: 5px;
    background: var(--voice-accent);
}
.legend span.two::before { background: color-mix(in srgb, var(--voice-accent) 35%, var(--voice-surface)); }
`);
