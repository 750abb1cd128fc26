import NIOCore
import NIOPosix
import WebSockets

/// An event loop with all that its media streams need: their sockets, their clock, and a place for their tasks, so that
/// a frame goes from the clock to the wire, and from the wire to the playout, without another thread being woken.
struct MediaLoop: Sendable {
    let executor: EventLoopTaskExecutor
    let sockets: WebSocketClient
    let clock: MediaClock

    init(_ eventLoop: any EventLoop) {
        self.executor = EventLoopTaskExecutor(eventLoop)
        self.sockets = WebSocketClient(eventLoopGroup: eventLoop)
        self.clock = MediaClock(eventLoop: eventLoop)
    }

    /// One for every four cores: many streams on few loops share their wakings.
    static func all() -> [MediaLoop] {
        MultiThreadedEventLoopGroup.singleton.makeIterator().prefix(max(1, System.coreCount / 4)).map { MediaLoop($0) }
    }
}
