// The element comes from the deployment that is named in the address; other pages write it into their markup:
// <script type="module" src="https://voice.example.com/realtime-call-monitor.js"></script>
const parameters = new URLSearchParams(location.search);
const script = document.createElement("script");
script.type = "module";
script.src = new URL("/realtime-call-monitor.js", parameters.get("voice"));
document.head.append(script);

document.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const monitor = document.createElement("realtime-call-monitor");
    monitor.setAttribute("call-sid", parameters.get("callSid"));
    // Where the token comes from is the page's affair; it must not stand in its markup.
    monitor.token = event.target.elements.token.value;
    monitor.addEventListener("end-call", ({ detail }) => {
        // Here a real page has its own server POST /api/voice/calls/{callSid}/end.
        document.querySelector("[role=status]").textContent = `The person wants ${detail.callSid} to end.`;
        monitor.endCallFailed("This example ends no calls.");
    });
    event.target.replaceWith(monitor);
});
