// <CallMonitor callSid="CA…" token={token} voice="https://voice.example.com" onEndCall={(callSid) => …} />
// React 18 and 19; in Next.js a client component, since the element lives in the browser.
"use client";

import { useEffect, useRef } from "react";

export function CallMonitor({ callSid, token, voice, onEndCall }) {
    const monitor = useRef(null);

    useEffect(() => {
        const address = `${voice}/realtime-call-monitor.js`;
        if (document.querySelector(`script[src="${address}"]`)) return;
        const script = Object.assign(document.createElement("script"), { type: "module", src: address });
        document.head.append(script);
    }, [voice]);

    useEffect(() => {
        monitor.current.token = token;
    }, [token]);

    useEffect(() => {
        const element = monitor.current;
        const ended = (event) => onEndCall?.(event.detail.callSid);
        element.addEventListener("end-call", ended);
        return () => element.removeEventListener("end-call", ended);
    }, [onEndCall]);

    return <realtime-call-monitor ref={monitor} call-sid={callSid} src={voice} />;
}
