import CallEvents
import FoundationEssentials
import Kafka
import Logging
import NIOCore
import ServiceLifecycle
import StageRuntime
import SwiftProtobuf
import Synchronization

/// Who may do what must not be done twice: dial, press keys. All instances share topic requests, which each reads whole.
///
/// A claim is a record; the first of its key in the partition wins. An instance knows that it won when it has read its
/// own record back. What was claimed and has no outcome is never done again by anybody.
final class Claims: Service, Sendable {
    typealias Verdict = ClaimLedger.Verdict

    static let readinessCheck = "requests-read"
    /// For a record to be acknowledged and read back.
    private static let patience = Duration.seconds(10)
    /// Longer than the producer tries to deliver a record.
    private static let abandonedUs: Int64 = 600 * 1_000_000

    fileprivate struct State {
        var ledger = ClaimLedger()
        /// Per partition, the offset behind what was read.
        var read: [Int32: Int64] = [:]
        var waiters: [UInt64: Waiter] = [:]
        var nextWaiter: UInt64 = 0
        /// Claims of this instance that somebody here waits for.
        var awaited: [String: Verdict?] = [:]
        /// Claims of this instance that nobody waits for any more, and when that was: should one win, it is released.
        var abandoned: [String: Int64] = [:]
    }

    fileprivate struct Waiter {
        var partition: Int32
        var offset: Int64
        var continuation: CheckedContinuation<Void, any Error>
    }

    private let topic: String
    private let partitions: Int32
    private let instanceID: String
    private let configuration: KafkaConfiguration
    private let producer: KafkaProducer
    private let callLimitUs: Int64
    private let health: Health
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - producer: of the kind `events`.
    ///   - callLimit: no call lasts longer: one whose end nobody heard of does not count for ever.
    init(context: StageContext, producer: KafkaProducer, callLimit: Duration) {
        self.topic = context.topics[.requests]
        self.partitions = context.topics.partitions
        self.instanceID = context.instanceID
        self.configuration = context.kafka
        self.producer = producer
        self.callLimitUs = callLimit.components.seconds * 1_000_000
        self.health = context.health
        self.logger = context.logger
        self.health.require(Self.readinessCheck)
    }

    // MARK: What others ask

    /// What this instance knows of `key`, without claiming it; nil when it seems free.
    func verdict(_ key: String, bodySHA256: String) -> Verdict? {
        self.state.withLock { $0.ledger.verdict(key, bodySHA256: bodySHA256) }
    }

    /// Claims `key`, unless it is taken.
    /// - Parameters:
    ///   - bodySHA256: of what the key stands for: the same key with another one is `otherBody`.
    ///   - request: the call that is to be made: whoever first learns its callSid publishes it.
    /// - Throws: `KafkaError` when it is not known in time whether the claim won; should it have, it is released.
    func claim(_ key: String, bodySHA256: String, request: CallRequested?) async throws -> Verdict {
        if let verdict = self.verdict(key, bodySHA256: bodySHA256) { return verdict }
        var claim = RequestClaim()
        claim.claimID = UUID().uuidString.lowercased()
        claim.instance = self.instanceID
        claim.bodySha256 = bodySHA256
        if let request { claim.request = request }
        let claimID = claim.claimID
        self.state.withLock { $0.awaited[claimID] = .some(nil) }
        do {
            try await self.write(.claim(claim), key: key)
            let verdict = self.state.withLock { $0.awaited.removeValue(forKey: claimID) ?? nil }
            guard let verdict else { throw KafkaError(.timedOut, "a claim was not read back") }
            return verdict
        } catch {
            self.abandon(claimID, key: key)
            throw error
        }
    }

    /// What was claimed is done.
    /// - Parameter callSid: the call that was made, if any; it counts as in progress until `ended`.
    /// - Throws: `KafkaError`; may be called again.
    func settle(_ key: String, claimID: String, callSid: CallSid?) async throws {
        var outcome = RequestOutcome()
        outcome.claimID = claimID
        outcome.callSid = callSid?.rawValue ?? ""
        try await self.write(.outcome(outcome), key: key)
    }

    /// Nothing was done: the key is free again.
    /// - Throws: `KafkaError`; may be called again.
    func release(_ key: String, claimID: String) async throws {
        try await self.write(.outcome(Self.released(claimID)), key: key)
    }

    /// The claim of `key` while it has no outcome; nil also when it is for no call.
    func pending(_ key: String) -> (claimID: String, request: CallRequested)? {
        guard let pending = self.state.withLock({ $0.ledger.pending(key) }), let request = pending.request
        else { return nil }
        return (pending.claimID, request)
    }

    /// A call that nobody claimed counts as in progress from now on: somebody called us.
    /// - Throws: `KafkaError`; may be called again.
    func began(_ callSid: CallSid) async throws {
        guard self.state.withLock({ $0.ledger.claimKey(of: callSid) }) == nil else { return }
        try await self.settle("inbound-\(callSid)", claimID: "inbound-\(callSid)", callSid: callSid)
    }

    /// The call is over. Nothing is written for a call that is not known, or known to be over.
    /// - Throws: `KafkaError`; may be called again.
    func ended(_ callSid: CallSid) async throws {
        guard let key = self.state.withLock({ $0.ledger.claimKey(of: callSid) }) else { return }
        var ended = RequestEnded()
        ended.callSid = callSid.rawValue
        try await self.write(.ended(ended), key: key)
    }

    /// Calls of all instances that are not known to be over, those included that are being dialled.
    var callsInProgress: Int {
        let sinceUs = UnixTime.nowUs - self.callLimitUs
        return self.state.withLock { $0.ledger.callsInProgress(sinceUs: sinceUs) }
    }

    // MARK: The service

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown {
                try await withThrowingDiscardingTaskGroup { group in
                    group.addTask { try await self.read() }
                    group.addTask { try await self.forgetNowAndThen() }
                }
            }
        } catch is CancellationError where Task.isShuttingDownGracefully {
            // The usual end.
        }
    }

    /// First all that is there, then what comes.
    private func read() async throws {
        var positions = [Int32: KafkaPosition].each(0..<self.partitions, at: .edge(.beginning))
        for follow in [false, true] {
            let reader = try KafkaPartitionReader(
                self.topic,
                from: positions,
                follow: follow,
                readCommitted: false,
                configuration: self.configuration,
                logger: self.logger
            )
            for try await batch in reader {
                for record in batch { positions[record.partition] = .offset(record.offset + 1) }
                self.fold(batch)
            }
            if !follow { self.health.set(Self.readinessCheck, ready: true) }
        }
    }

    private func fold(_ batch: [KafkaRecord]) {
        let records = batch.compactMap { self.parse($0) }
        let (reached, releases) = self.state.withLock { state in
            let releases = records.filter { state.fold($0) }
            for record in batch { state.read[record.partition] = record.offset + 1 }
            return (state.takeReachedWaiters(), releases)
        }
        for continuation in reached { continuation.resume() }
        for record in releases { self.releaseWithoutWaiting(record.claim.claimID, key: record.claimKey) }
    }

    private func parse(_ record: KafkaRecord) -> RequestRecord? {
        guard let value = record.value,
            let request = try? RequestRecord(serializedBytes: Array(value.readableBytesView))
        else {
            // Every instance reads it at every start, so it is not put aside each time.
            self.logger.warning(
                "A record of requests cannot be read",
                metadata: [LogKey.partition: "\(record.partition)", LogKey.offset: "\(record.offset)"]
            )
            return nil
        }
        return request
    }

    private func forgetNowAndThen() async throws {
        while true {
            try await Task.sleep(for: .seconds(600))
            let nowUs = UnixTime.nowUs
            self.state.withLock { state in
                state.ledger.forget(nowUs: nowUs, endedBeforeUs: nowUs - self.callLimitUs)
                state.abandoned = state.abandoned.filter { nowUs - $0.value < Self.abandonedUs }
            }
        }
    }

    // MARK: Writing

    /// Returns when the record was acknowledged and read back.
    private func write(_ body: RequestRecord.OneOf_Body, key: String) async throws {
        let message = try self.message(body, key: key)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for delivery in try await self.producer.deliver([message]) {
                    try await self.readBack(delivery)
                }
            }
            group.addTask {
                try await Task.sleep(for: Self.patience)
                throw KafkaError(.timedOut, "a record of requests was not read back within \(Self.patience)")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func readBack(_ delivery: KafkaProducer.Delivery) async throws {
        let id = self.state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let isRead = self.state.withLock { state in
                    let waiter = Waiter(
                        partition: delivery.partition,
                        offset: delivery.offset,
                        continuation: continuation
                    )
                    if state.hasReached(waiter) { return true }
                    state.waiters[id] = waiter
                    return false
                }
                if isRead {
                    continuation.resume()
                } else if Task.isCancelled {
                    self.stopWaiting(id)
                }
            }
        } onCancel: {
            self.stopWaiting(id)
        }
    }

    private func stopWaiting(_ id: UInt64) {
        let waiter = self.state.withLock { $0.waiters.removeValue(forKey: id) }
        waiter?.continuation.resume(throwing: CancellationError())
    }

    /// Nobody acts on the claim any more, whatever becomes of its record.
    private func abandon(_ claimID: String, key: String) {
        let hasWon = self.state.withLock { state in
            let verdict = state.awaited.removeValue(forKey: claimID) ?? nil
            if verdict == nil { state.abandoned[claimID] = UnixTime.nowUs }
            return verdict == .won(claimID: claimID)
        }
        if hasWon { self.releaseWithoutWaiting(claimID, key: key) }
    }

    private func releaseWithoutWaiting(_ claimID: String, key: String) {
        let logger = self.logger
        do {
            let message = try self.message(.outcome(Self.released(claimID)), key: key)
            let enqueued = try self.producer.send(message) { result in
                if case .failure(let error) = result {
                    logger.error("A claim was not released", metadata: [LogKey.error: "\(error)"])
                }
            }
            guard enqueued == .accepted else { throw KafkaError(.deliveryFailed, "the producer's queue is full") }
        } catch {
            logger.error("A claim was not released", metadata: [LogKey.error: "\(error)"])
        }
    }

    private static func released(_ claimID: String) -> RequestOutcome {
        var outcome = RequestOutcome()
        outcome.claimID = claimID
        outcome.released = true
        return outcome
    }

    private func message(_ body: RequestRecord.OneOf_Body, key: String) throws -> KafkaMessage {
        var record = RequestRecord()
        record.claimKey = key
        record.atUs = UnixTime.nowUs
        record.body = body
        let value: [UInt8] = try record.serializedBytes()
        return KafkaMessage(topic: self.topic, key: ByteBuffer(string: key), value: ByteBuffer(bytes: value))
    }
}

extension Claims.State {
    /// - Returns: whether it is a claim of this instance that won and that nobody waits for.
    fileprivate mutating func fold(_ record: RequestRecord) -> Bool {
        guard let verdict = self.ledger.apply(record) else { return false }
        let claimID = record.claim.claimID
        if self.awaited.keys.contains(claimID) { self.awaited[claimID] = verdict }
        return self.abandoned.removeValue(forKey: claimID) != nil && verdict == .won(claimID: claimID)
    }

    fileprivate func hasReached(_ waiter: Claims.Waiter) -> Bool {
        self.read[waiter.partition, default: 0] > waiter.offset
    }

    fileprivate mutating func takeReachedWaiters() -> [CheckedContinuation<Void, any Error>] {
        let reached = self.waiters.filter { self.hasReached($0.value) }
        for id in reached.keys { self.waiters[id] = nil }
        return reached.values.map(\.continuation)
    }
}
