import CRdKafka
import Logging
import Synchronization

/// One `rd_kafka_t`, its main event queue, the thread that serves that queue, and its topic handles.
///
/// `@unchecked Sendable`: librdkafka's functions may be called from any thread; the pointers are set once. The client is
/// destroyed, on a thread of its own, when the last reference goes.
final class RdKafkaHandle: @unchecked Sendable {
    let pointer: OpaquePointer
    private let queue: OpaquePointer
    /// Where a group member's records and rebalances arrive; nil for a client without a group.
    private let consumerQueue: OpaquePointer?
    private let thread: PollingThread
    private let stopping: StopFlag
    private let isKept = Atomic(false)
    private let topics = Mutex<[String: Topic]>([:])

    /// A `rd_kafka_topic_t`, as long-lived as the handle; `@unchecked Sendable` for the same reason.
    struct Topic: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private final class StopFlag: Sendable {
        let isSet = Atomic(false)
    }

    /// - Parameters:
    ///   - configure: sets callbacks on the `rd_kafka_conf_t` before the client is made.
    ///   - gathering: when set, events of the main queue wait for this clock; else they are served at once.
    ///   - events: is given every event of the main queue.
    /// - Throws: `KafkaError` with code `configuration`.
    init(
        _ type: rd_kafka_type_t,
        properties: [String: String],
        userProperties: [String: String],
        gathering: GatheringClock? = nil,
        events: ClientEvents,
        configure: (OpaquePointer) -> Void = { _ in }
    ) throws(KafkaError) {
        let conf = try Self.conf(properties, userProperties)
        rd_kafka_conf_set_events(
            conf,
            RD_KAFKA_EVENT_LOG | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS
                | (type == RD_KAFKA_PRODUCER ? RD_KAFKA_EVENT_DR : RD_KAFKA_EVENT_OFFSET_COMMIT)
        )
        configure(conf)
        var reason = [CChar](repeating: 0, count: 512)
        guard let pointer = rd_kafka_new(type, conf, &reason, reason.count) else {
            rd_kafka_conf_destroy(conf)
            throw KafkaError(.configuration, String(nulTerminated: reason))
        }
        rd_kafka_set_log_queue(pointer, nil)
        let loop = EventLoop(
            pointer: pointer,
            queue: rd_kafka_queue_get_main(pointer),
            stopping: StopFlag(),
            gathering: gathering
        )
        self.pointer = pointer
        self.queue = loop.queue
        self.consumerQueue = type == RD_KAFKA_CONSUMER ? rd_kafka_queue_get_consumer(pointer) : nil
        self.stopping = loop.stopping
        self.thread = PollingThread(name: "kafka-events") { loop.run(events) }
    }

    deinit {
        let rest = Remains(
            loop: EventLoop(pointer: self.pointer, queue: self.queue, stopping: self.stopping, gathering: nil),
            consumerQueue: self.consumerQueue,
            thread: self.thread,
            topics: self.topics.withLock { Array($0.values) },
            isKept: self.isKept.load(ordering: .acquiring)
        )
        // rd_kafka_destroy waits for the client's threads; whoever lets go of the last reference must not.
        _ = PollingThread(name: "kafka-destroy") { rest.destroy() }
    }

    /// The client is not destroyed when the last reference goes: it stays until the process ends.
    func keep() {
        self.isKept.store(true, ordering: .releasing)
    }

    /// The handle of a topic, made on first use.
    func topic(_ name: String) throws(KafkaError) -> Topic {
        let topic = self.topics.withLock { topics -> Topic? in
            if let topic = topics[name] { return topic }
            guard let pointer = rd_kafka_topic_new(self.pointer, name, nil) else { return nil }
            let topic = Topic(pointer: pointer)
            topics[name] = topic
            return topic
        }
        guard let topic else { throw KafkaError(rd_kafka_last_error(), "topic \(name)") }
        return topic
    }

    func hasTopic(_ name: String) -> Bool { self.topics.withLock { $0[name] != nil } }

    /// Makes the topic with a property of its own, before anything else uses it.
    func topic(_ name: String, property: String, value: String) throws(KafkaError) {
        let conf = rd_kafka_topic_conf_new()
        var reason = [CChar](repeating: 0, count: 512)
        guard rd_kafka_topic_conf_set(conf, property, value, &reason, reason.count) == RD_KAFKA_CONF_OK else {
            rd_kafka_topic_conf_destroy(conf)
            throw KafkaError(.configuration, String(nulTerminated: reason))
        }
        guard let pointer = rd_kafka_topic_new(self.pointer, name, conf) else {
            rd_kafka_topic_conf_destroy(conf)
            throw KafkaError(rd_kafka_last_error(), "topic \(name)")
        }
        let topic = Topic(pointer: pointer)
        self.topics.withLock { $0[name] = topic }
    }

    /// Ends a `rd_kafka_consumer_poll` that waits, or else the next one.
    func wakeConsumerPoll() {
        if let queue = self.consumerQueue { rd_kafka_queue_yield(queue) }
    }

    /// The error that made the client useless, if any.
    var fatalError: KafkaError? {
        var reason = [CChar](repeating: 0, count: 512)
        let code = rd_kafka_fatal_error(self.pointer, &reason, reason.count)
        return code == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError(code, String(nulTerminated: reason))
    }

    private static func conf(
        _ properties: [String: String],
        _ userProperties: [String: String]
    ) throws(KafkaError) -> OpaquePointer {
        guard let conf = rd_kafka_conf_new() else { throw KafkaError(.configuration, "no memory") }
        var reason = [CChar](repeating: 0, count: 512)
        let all = properties.merging(userProperties) { $1 }
        for (name, value) in all.sorted(by: { $0.key < $1.key }) {
            let result = rd_kafka_conf_set(conf, name, value, &reason, reason.count)
            guard result != RD_KAFKA_CONF_OK else { continue }
            rd_kafka_conf_destroy(conf)
            let source = userProperties[name] == nil ? name : KafkaConfiguration.variable(ofProperty: name)
            throw KafkaError(
                .configuration,
                result == RD_KAFKA_CONF_UNKNOWN
                    ? "\(source): librdkafka has no property \(name)"
                    // librdkafka's text repeats the value, which may be a secret.
                    : "\(source): librdkafka refuses this value of \(name)"
            )
        }
        return conf
    }

    /// The loop of the events thread. `@unchecked Sendable`: two librdkafka pointers, see above.
    private struct EventLoop: @unchecked Sendable {
        let pointer: OpaquePointer
        let queue: OpaquePointer
        let stopping: StopFlag
        let gathering: GatheringClock?

        func run(_ events: ClientEvents) {
            while !self.stopping.isSet.load(ordering: .acquiring) {
                self.serve(events, timeoutMs: -1)
                guard let gathering = self.gathering else { continue }
                while self.serve(events, timeoutMs: 0) {}
                gathering.sleep()
            }
            // What was still to be delivered has been purged: tell whoever waits for it.
            while self.serve(events, timeoutMs: 0) {}
        }

        @discardableResult
        func serve(_ events: ClientEvents, timeoutMs: Int32) -> Bool {
            guard let event = rd_kafka_queue_poll(self.queue, timeoutMs) else { return false }
            events.handle(event, of: self.pointer)
            return true
        }
    }

    /// What is left to do when nobody uses the client any more. `@unchecked Sendable`: librdkafka pointers, see above.
    private struct Remains: @unchecked Sendable {
        let loop: EventLoop
        let consumerQueue: OpaquePointer?
        let thread: PollingThread
        let topics: [Topic]
        let isKept: Bool

        func destroy() {
            if rd_kafka_type(self.loop.pointer) == RD_KAFKA_PRODUCER {
                rd_kafka_purge(self.loop.pointer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
            }
            self.loop.stopping.isSet.store(true, ordering: .releasing)
            rd_kafka_queue_yield(self.loop.queue)
            self.thread.join()
            rd_kafka_queue_destroy(self.loop.queue)
            if let queue = self.consumerQueue { rd_kafka_queue_destroy(queue) }
            for topic in self.topics { rd_kafka_topic_destroy(topic.pointer) }
            if !self.isKept { rd_kafka_destroy(self.loop.pointer) }
        }
    }
}

extension String {
    /// The text of a C buffer up to its first NUL.
    init(nulTerminated buffer: [CChar]) {
        self.init(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
