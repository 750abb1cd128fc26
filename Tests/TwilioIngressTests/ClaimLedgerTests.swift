import CallEvents
import SeededRandom
import Testing

@testable import TwilioIngress

@Suite struct ClaimLedgerTests {
    private static let callSid = CallSid("CA0123456789abcdef0123456789abcdef")!

    @Test func `the first claim wins, and its outcome answers all later ones`() {
        var ledger = ClaimLedger()
        #expect(ledger.verdict("k", bodySHA256: "b") == nil)
        #expect(ledger.apply(.claim("k", "one", at: 1)) == .won(claimID: "one"))
        #expect(ledger.apply(.claim("k", "two", at: 2)) == .held)
        #expect(ledger.apply(.claim("k", "three", body: "other", at: 3)) == .otherBody)
        #expect(ledger.pending("k")?.claimID == "one")
        #expect(ledger.pending("k")?.request?.businessName == "B")

        ledger.apply(.outcome("k", "two", CallSid.random(), at: 4))
        #expect(ledger.verdict("k", bodySHA256: "b") == .held)
        ledger.apply(.outcome("k", "one", Self.callSid, at: 5))
        #expect(ledger.verdict("k", bodySHA256: "b") == .done(callSid: Self.callSid))
        #expect(ledger.verdict("k", bodySHA256: "other") == .otherBody)
        #expect(ledger.pending("k") == nil && ledger.claimKey(of: Self.callSid) == "k")
    }

    @Test func `a released key is free, and the claim that was released does not come back`() {
        var ledger = ClaimLedger()
        ledger.apply(.claim("k", "one", at: 1))
        ledger.apply(.outcome("k", "one", released: true, at: 2))
        #expect(ledger.verdict("k", bodySHA256: "b") == nil && ledger.pending("k") == nil)
        #expect(ledger.apply(.claim("k", "one", at: 1)) == .held)
        #expect(ledger.pending("k") == nil)
        #expect(ledger.apply(.claim("k", "two", body: "other", at: 3)) == .won(claimID: "two"))
        // Late, of the claim before.
        ledger.apply(.outcome("k", "one", Self.callSid, at: 4))
        #expect(ledger.verdict("k", bodySHA256: "other") == .held)
    }

    @Test func `what is done is not released any more, and may be no call`() {
        var ledger = ClaimLedger()
        ledger.apply(.claim("command", "one", request: false, at: 1))
        #expect(ledger.callsInProgress(sinceUs: 0) == 0)
        ledger.apply(.outcome("command", "one", nil, at: 2))
        ledger.apply(.outcome("command", "one", released: true, at: 3))
        #expect(ledger.verdict("command", bodySHA256: "b") == .done(callSid: nil))
    }

    @Test func `calls count from their claim until they end or are too old`() {
        var ledger = ClaimLedger()
        ledger.apply(.claim("k", "one", at: 10))
        #expect(ledger.callsInProgress(sinceUs: 9) == 1 && ledger.callsInProgress(sinceUs: 10) == 0)
        ledger.apply(.outcome("k", "one", Self.callSid, at: 20))
        #expect(ledger.callsInProgress(sinceUs: 19) == 1 && ledger.callsInProgress(sinceUs: 20) == 0)
        ledger.apply(.ended("k", Self.callSid, at: 30))
        ledger.apply(.outcome("k", "one", Self.callSid, at: 31))
        #expect(ledger.callsInProgress(sinceUs: 0) == 0)
        // Its claim is remembered all the same.
        #expect(ledger.verdict("k", bodySHA256: "b") == .done(callSid: Self.callSid))
    }

    @Test func `after 48 hours a key is free`() {
        let old = ClaimLedger.lifetimeUs + 2
        var ledger = ClaimLedger()
        ledger.apply(.claim("k", "one", at: 1))
        var forgetful = ledger
        forgetful.forget(nowUs: old, endedBeforeUs: 0)
        #expect(forgetful.verdict("k", bodySHA256: "b") == nil && forgetful.pending("k") == nil)
        // Who has not forgotten yet comes to the same.
        #expect(ledger.apply(.claim("k", "two", at: old)) == .won(claimID: "two"))
        #expect(forgetful.apply(.claim("k", "two", at: old)) == .won(claimID: "two"))
    }

    @Test(arguments: 0..<50) func `repeats and the order of keys change nothing, and nobody wins twice`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let logs = (0..<5).map { key in
            Self.log("k\(key)", callSid: CallSid("CA" + String(repeating: "\(key)", count: 32))!, random: &random)
        }
        var plain = ClaimLedger()
        for record in logs.joined() { plain.apply(record) }

        var mixed = ClaimLedger()
        var rest = logs.map { $0[...] }
        var said: [RequestRecord] = []
        var winners: [String: Set<String>] = [:]
        while rest.contains(where: { !$0.isEmpty }) {
            let repeats = Bool.random(using: &random)
            guard let record = repeats ? said.randomElement(using: &random) : rest.takeAny(using: &random)
            else { continue }
            let isFree = mixed.verdict(record.claimKey, bodySHA256: "b") == nil
            if case .won(let claimID) = mixed.apply(record), isFree {
                #expect(winners[record.claimKey, default: []].insert(claimID).inserted)
            }
            // A repeat comes of the newest records: the producer sends one again, not the log from its beginning.
            if !repeats { said = said.filter { $0.claimKey != record.claimKey } + [record] }
        }
        for key in 0..<5 {
            for body in ["b", "other"] {
                #expect(
                    plain.verdict("k\(key)", bodySHA256: body) == mixed.verdict("k\(key)", bodySHA256: body)
                )
            }
            #expect(plain.pending("k\(key)")?.claimID == mixed.pending("k\(key)")?.claimID)
        }
        #expect(plain.callsInProgress(sinceUs: 0) == mixed.callsInProgress(sinceUs: 0))
    }

    /// What instances write that play by the rules: outcomes follow the claims that won.
    private static func log(
        _ key: String,
        callSid: CallSid,
        random: inout SeededGenerator
    ) -> [RequestRecord] {
        var records: [RequestRecord] = []
        var ledger = ClaimLedger()
        for number in 0..<Int.random(in: 1...12, using: &random) {
            let atUs = Int64(number + 1)
            var next = RequestRecord.claim(key, "\(key)-\(number)", at: atUs)
            if let pending = ledger.pending(key), Bool.random(using: &random) {
                next = .outcome(key, pending.claimID, callSid, at: atUs)
                if Bool.random(using: &random) { next = .outcome(key, pending.claimID, released: true, at: atUs) }
            } else if ledger.claimKey(of: callSid) == key, Bool.random(using: &random) {
                next = .ended(key, callSid, at: atUs)
            }
            ledger.apply(next)
            records.append(next)
        }
        return records
    }
}

extension RequestRecord {
    fileprivate init(_ key: String, _ body: OneOf_Body, at atUs: Int64) {
        self.init()
        self.claimKey = key
        self.atUs = atUs
        self.body = body
    }

    fileprivate static func claim(
        _ key: String,
        _ claimID: String,
        body: String = "b",
        request: Bool = true,
        at atUs: Int64
    ) -> Self {
        var claim = RequestClaim()
        claim.claimID = claimID
        claim.bodySha256 = body
        if request { claim.request.businessName = "B" }
        return Self(key, .claim(claim), at: atUs)
    }

    fileprivate static func outcome(
        _ key: String,
        _ claimID: String,
        _ callSid: CallSid? = nil,
        released: Bool = false,
        at atUs: Int64
    ) -> Self {
        var outcome = RequestOutcome()
        outcome.claimID = claimID
        outcome.callSid = callSid?.rawValue ?? ""
        outcome.released = released
        return Self(key, .outcome(outcome), at: atUs)
    }

    fileprivate static func ended(_ key: String, _ callSid: CallSid, at atUs: Int64) -> Self {
        var ended = RequestEnded()
        ended.callSid = callSid.rawValue
        return Self(key, .ended(ended), at: atUs)
    }
}

extension [ArraySlice<RequestRecord>] {
    fileprivate mutating func takeAny(using random: inout SeededGenerator) -> RequestRecord? {
        let index = Int.random(in: self.indices, using: &random)
        return self[index].popFirst()
    }
}
