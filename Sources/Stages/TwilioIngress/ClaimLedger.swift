import CallEvents
import Crypto

/// What topic requests says of each key: a pure fold over its records, each partition's in their order.
///
/// The first claim of a key counts until an outcome releases it. Repeated records change nothing. What is older than
/// `lifetimeUs` no longer counts, by the times in the records, so that all readers agree.
struct ClaimLedger: Sendable {
    /// As long as the topic keeps records.
    static let lifetimeUs: Int64 = 48 * 3_600 * 1_000_000

    enum Verdict: Sendable, Equatable {
        /// The claim is the caller's: it acts, then settles or releases it.
        case won(claimID: String)
        /// Claimed without an outcome: nobody knows whether it was done, so nobody does it again.
        case held
        /// Done before; the call that was made, if it made one.
        case done(callSid: CallSid?)
        /// The key stands for something else.
        case otherBody
    }

    /// A claim without an outcome.
    struct Pending: Sendable {
        var claimKey: String
        var claimID: String
        /// The call that is to be made, if it is for one.
        var request: CallRequested?
        var atUs: Int64
    }

    private enum Outcome: Equatable {
        case none
        case done(CallSid?)
        case released
    }

    /// All that is kept of a claim once it is settled.
    private struct Entry {
        var claim: Digest
        /// Nil when only the outcome was seen.
        var body: Digest?
        var atUs: Int64
        var outcome = Outcome.none
    }

    private struct Live {
        var claimKey: String
        var atUs: Int64
    }

    private var entries: [Digest: Entry] = [:]
    private var pending: [Digest: Pending] = [:]
    /// Calls that were made and are not known to be over.
    private var live: [CallSid: Live] = [:]

    /// - Returns: nil when the key is free.
    func verdict(_ claimKey: String, bodySHA256: String) -> Verdict? {
        self.entries[Digest(claimKey)].flatMap { Self.verdict($0, body: Digest(bodySHA256)) }
    }

    /// The claim of the key while it has no outcome.
    func pending(_ claimKey: String) -> Pending? { self.pending[Digest(claimKey)] }

    /// The key under which a call that is not known to be over was claimed.
    func claimKey(of callSid: CallSid) -> String? { self.live[callSid]?.claimKey }

    /// Calls that were made, or may be made any moment, are not known to be over, and began after `sinceUs`.
    func callsInProgress(sinceUs: Int64) -> Int {
        self.live.values.count { $0.atUs > sinceUs }
            + self.pending.values.count { $0.request != nil && $0.atUs > sinceUs }
    }

    /// - Returns: for a claim, what it has come to.
    @discardableResult
    mutating func apply(_ record: RequestRecord) -> Verdict? {
        switch record.body {
        case .claim(let claim):
            return self.claimed(record, claim)
        case .outcome(let outcome):
            self.cameOut(record, outcome)
        case .ended(let ended):
            self.callEnded(record, ended)
        case nil:
            // Of a later version.
            break
        }
        return nil
    }

    /// Drops what is too old to count at `nowUs`; calls that began before `endedBeforeUs` are over, told or not.
    mutating func forget(nowUs: Int64, endedBeforeUs: Int64) {
        self.entries = self.entries.filter { nowUs - $0.value.atUs <= Self.lifetimeUs }
        self.pending = self.pending.filter { nowUs - $0.value.atUs <= Self.lifetimeUs }
        self.live = self.live.filter { $0.value.atUs > endedBeforeUs }
    }

    private mutating func claimed(_ record: RequestRecord, _ claim: RequestClaim) -> Verdict {
        let key = Digest(record.claimKey)
        if let entry = self.entries[key], record.atUs - entry.atUs <= Self.lifetimeUs {
            if entry.claim == Digest(claim.claimID), entry.outcome == .none { return .won(claimID: claim.claimID) }
            if let verdict = Self.verdict(entry, body: Digest(claim.bodySha256)) { return verdict }
            // A repeat of the claim that was released.
            if entry.claim == Digest(claim.claimID) { return .held }
        }
        self.entries[key] = Entry(claim: Digest(claim.claimID), body: Digest(claim.bodySha256), atUs: record.atUs)
        self.pending[key] = Pending(
            claimKey: record.claimKey,
            claimID: claim.claimID,
            request: claim.hasRequest ? claim.request : nil,
            atUs: record.atUs
        )
        return .won(claimID: claim.claimID)
    }

    private mutating func cameOut(_ record: RequestRecord, _ outcome: RequestOutcome) {
        let key = Digest(record.claimKey)
        let claim = Digest(outcome.claimID)
        var entry = self.entries[key] ?? Entry(claim: claim, body: nil, atUs: record.atUs)
        guard entry.claim == claim, entry.outcome == .none else { return }
        let callSid = CallSid(outcome.callSid)
        entry.outcome = outcome.released ? .released : .done(callSid)
        self.entries[key] = entry
        self.pending[key] = nil
        if let callSid, !outcome.released {
            self.live[callSid] = Live(claimKey: record.claimKey, atUs: record.atUs)
        }
    }

    private mutating func callEnded(_ record: RequestRecord, _ ended: RequestEnded) {
        guard let callSid = CallSid(ended.callSid) else { return }
        let key = Digest(record.claimKey)
        self.live[callSid] = nil
        var entry = self.entries[key] ?? Entry(claim: Digest(""), body: nil, atUs: record.atUs)
        guard entry.outcome == .none else { return }
        entry.outcome = .done(callSid)
        self.entries[key] = entry
        self.pending[key] = nil
    }

    private static func verdict(_ entry: Entry, body: Digest) -> Verdict? {
        guard entry.outcome != .released else { return nil }
        if let known = entry.body, known != body { return .otherBody }
        if case .done(let callSid) = entry.outcome { return .done(callSid: callSid) }
        return .held
    }
}

/// 128 bits of a text's SHA-256: there may be 48 hours' worth of entries in memory.
private struct Digest: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    init(_ text: String) {
        let digest = SHA256.hash(data: Array(text.utf8))
        (self.high, self.low) = digest.withUnsafeBytes { bytes in
            (bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
    }
}
