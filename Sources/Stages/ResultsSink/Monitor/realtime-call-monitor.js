// One script tag brings <realtime-call-monitor> into any web page:
//
//     <script type="module" src="https://voice.example.com/realtime-call-monitor.js"></script>
//     <realtime-call-monitor call-sid="CA…"></realtime-call-monitor>
//
// In a module, relative names count from this file; in a classic script its address must be asked for.
import(
    document.currentScript
        ? new URL("monitor/call-monitor.js", document.currentScript.src).href
        : "./monitor/call-monitor.js"
);
