/// One thing that happened in a call, for tests and for whoever follows along.
package struct CallFact: Sendable, Equatable {
    package enum Event: Sendable, Equatable {
        /// The call's status changed.
        case status(String)
        /// A verb of the TwiML began; its name.
        case verb(String)
        case said(String)
        case playedDigits(String)
        /// A request to the customer's server is over.
        case webhook(Webhook)
        case streamStarted(sid: String)
        case streamEnded(sid: String, StreamEnd)
        case business(Business.Event)
        /// Agent audio is heard from now on.
        case agentBegan
        /// The playout buffer ran empty, or the stream ended; `durationMs` of audio was played.
        case agentEnded(durationMs: Int)
        /// A comfort tone is heard, which people do not take for the agent.
        case toneHeard
        case markQueued(String)
        /// A mark went back to the server; `cleared` when it was not played but cleared.
        case markReturned(String, cleared: Bool)
        /// `clear` arrived and dropped so much.
        case cleared(droppedMs: Int)
        /// An error or a warning of Twilio's debugger.
        case problem(code: Int, String)
        /// A fault of the script took place.
        case fault(String)
    }

    package struct Webhook: Sendable, Equatable {
        package enum Kind: String, Sendable {
            case twiml, status, streamStatus, machineDetection
        }

        package var kind: Kind
        package var url: String
        /// The call's status that it told.
        package var callStatus: String
        /// Of the answer; nil when there was none.
        package var status: Int?
    }

    /// Since the call was created.
    package var at: Duration
    package var event: Event

    package init(at: Duration, event: Event) {
        self.at = at
        self.event = event
    }
}

/// How a media stream came to its end.
package enum StreamEnd: Sendable, Equatable {
    /// The server closed the WebSocket.
    case closedByServer(code: UInt16)
    /// The connection broke without a close.
    case broken
    /// The script broke the connection.
    case dropped
    /// The call ended or got other TwiML: `stop` was sent.
    case stopped
    /// It did not come about, for this of Twilio's reasons.
    case failed(code: Int)
}
