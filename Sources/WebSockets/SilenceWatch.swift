import Synchronization

/// Finds the sockets on which nothing is heard any more, pongs included: all that are entered here are looked at
/// together, eight times in the time that they may be silent, so that one waking of a process serves all of them.
///
/// A socket that is silent is asked for a pong, with the next message where there are any: that costs no write of its own.
package final class SilenceWatch: Sendable {
    /// One socket's place here.
    package final class Entry: Sendable {
        fileprivate let connection: WebSocketConnection
        private let silent = Atomic(false)

        fileprivate init(_ connection: WebSocketConnection) {
            self.connection = connection
        }

        /// The connection was dropped because nothing was heard on it.
        package var wasSilent: Bool { self.silent.load(ordering: .acquiring) }

        fileprivate func giveUp() {
            self.silent.store(true, ordering: .releasing)
            self.connection.abort()
        }
    }

    private struct Place {
        let entry: Entry
        /// Of the connection, when it was last looked at.
        var sends: UInt64 = 0
    }

    private let limit: Duration
    private let interval: Duration
    private let places = Mutex<[ObjectIdentifier: Place]>([:])

    /// - Parameter limit: how long nothing may be heard.
    package init(limit: Duration) {
        self.limit = limit
        self.interval = limit / 8
    }

    /// The socket is looked after until the entry is removed.
    package func add(_ socket: WebSocket) -> Entry {
        let entry = Entry(socket.connection)
        self.places.withLock { $0[ObjectIdentifier(entry)] = Place(entry: entry) }
        return entry
    }

    package func remove(_ entry: Entry) {
        _ = self.places.withLock { $0.removeValue(forKey: ObjectIdentifier(entry)) }
    }

    /// Until the task is cancelled.
    package func run() async {
        while true {
            let asked = ContinuousClock.now
            guard (try? await Task.sleep(for: self.interval)) != nil else { return }
            let now = ContinuousClock.now
            // A process that was held up itself has not listened, and gives every socket another chance.
            let wasHeldUp = now - asked > self.limit / 2
            let places = self.places.withLock { places in
                let known = places
                for (key, place) in known { places[key]?.sends = place.entry.connection.sends }
                return known
            }
            for place in places.values { self.look(at: place, now: now, wasHeldUp: wasHeldUp) }
        }
    }

    private func look(at place: Place, now: ContinuousClock.Instant, wasHeldUp: Bool) {
        let connection = place.entry.connection
        let silence = now - connection.lastHeard
        let isWaiting = connection.pingIsDue
        // One that was not asked yet cannot have answered.
        if silence > self.limit - self.interval, !wasHeldUp, !isWaiting { return place.entry.giveUp() }
        guard silence > self.interval * 2 else { return }
        let sendsOften = connection.sends > place.sends
        if sendsOften, !isWaiting { connection.pingWithNext() } else { connection.pingNow() }
    }
}
