// An app of another origin that shows a call by the example's component: ?voice=…&callSid=CA…#token
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";

import { CallMonitor } from "../../Deploy/examples/embed/React.jsx";

const parameters = new URLSearchParams(location.search);

function Page() {
    const [wanted, setWanted] = useState();
    const [isShown, setShown] = useState(true);
    return (
        <main>
            <button onClick={() => setShown(!isShown)}>{isShown ? "Hide" : "Show"}</button>
            {isShown && (
                <CallMonitor callSid={parameters.get("callSid")} token={location.hash.slice(1)}
                    voice={parameters.get("voice")} onEndCall={setWanted} />
            )}
            <p role="status">{wanted && `The person wants ${wanted} to end.`}</p>
        </main>
    );
}

createRoot(document.querySelector("#root")).render(<StrictMode><Page /></StrictMode>);
