import HTTPTypes
import JSON
import NIOCore
import StageRuntime
import TestSupport
import Testing

@testable import TwilioIngress

@Suite struct DestinationPolicyTests {
    @Test(
        arguments: [
            ("+15551234567", "1"), ("+79161234567", "7"), ("+442071234567", "44"), ("+4930123456", "49"),
            ("+35312345678", "353"), ("+8521234567", "852"), ("+2348012345678", "234"), ("+393312345678", "39"),
            ("+861012345678", "86"), ("+99512345678", "995"), ("+88213000000", "882"), ("+18765551234", "1"),
        ]
    )
    func `a number begins with its country code`(_ number: String, _ code: String) throws {
        #expect(CallingCode.of(try #require(PhoneNumber(number))) == code)
    }

    @Test(
        arguments: [
            ("+1", "+15551234567", true), ("+1", "+445551234567", false), ("+44, +1212", "+12125551234", true),
            ("+44,+1212", "+13125551234", false), ("*", "+99912345678", true), (" * ", "+15551234567", true),
        ]
    )
    func `listed prefixes may be called`(_ list: String, _ number: String, _ isAllowed: Bool) throws {
        let policy = try #require(DestinationPolicy(list))
        #expect(policy.allows(try #require(PhoneNumber(number))) == isAllowed)
    }

    @Test(arguments: ["", ",", "1", "+", "+0", "+1,*", "+1x", "+1234567890123456", "**", "+1;+2"])
    func `a list of anything else is none`(_ list: String) {
        #expect(DestinationPolicy(list) == nil)
    }
}

@Suite struct RateLimiterTests {
    private static let start = ContinuousClock.now

    @Test func `a full bucket empties at once and fills steadily`() {
        var bucket = TokenBucket(capacity: 3, perSecond: 0.5)
        #expect(bucket.take(2, now: Self.start) == nil && bucket.take(1, now: Self.start) == nil)
        #expect(bucket.take(1, now: Self.start) == .seconds(2))
        #expect(bucket.take(2, now: Self.start + .seconds(1)) == .seconds(3))
        #expect(bucket.take(1, now: Self.start + .seconds(2)) == nil)
        // It holds no more than it can.
        #expect(bucket.take(3, now: Self.start + .seconds(3_600)) == nil)
        #expect(bucket.take(1, now: Self.start + .seconds(3_600)) == .seconds(2))
    }

    @Test func `more than fits is let through by a full bucket, on credit`() {
        var bucket = TokenBucket(capacity: 2, perSecond: 1)
        #expect(bucket.take(5, now: Self.start) == nil)
        #expect(bucket.take(1, now: Self.start) == .seconds(4))
        #expect(bucket.take(5, now: Self.start + .seconds(4)) == .seconds(1))
    }

    @Test func `a clock that stands or goes back gives nothing`() {
        var bucket = TokenBucket(capacity: 1, perSecond: 1)
        #expect(bucket.take(1, now: Self.start) == nil)
        #expect(bucket.take(1, now: Self.start - .seconds(60)) == .seconds(1))
    }

    @Test func `each client has a bucket of its own`() {
        let limiter = RateLimiter(perMinute: 1)
        #expect(limiter.take(1, for: "a", now: Self.start) == nil)
        #expect(limiter.take(1, for: "a", now: Self.start) == .seconds(60))
        #expect(limiter.take(1, for: "b", now: Self.start) == nil)
    }
}

@Suite(.timeLimit(.minutes(1))) struct DialQueueTests {
    private static let start = ContinuousClock.now

    @Test func `the line lets one through at a time and refuses who would wait too long`() {
        var line = DialLine(interval: .seconds(1), maxWait: .seconds(2))
        #expect(line.nextTurn == nil && line.callNext(now: Self.start) == nil)
        for ticket in 1...3 { #expect(line.enter(now: Self.start) == .ticket(UInt64(ticket))) }
        #expect(line.enter(now: Self.start) == .full(retryAfter: .seconds(1)))
        #expect(!line.mustWait(1, now: Self.start) && line.mustWait(2, now: Self.start))
        #expect(line.callNext(now: Self.start) == 1 && line.callNext(now: Self.start) == nil)
        #expect(line.nextTurn == Self.start + .seconds(1))
        // It is later than it could have been: nobody catches up.
        #expect(line.callNext(now: Self.start + .milliseconds(1_500)) == 2)
        #expect(line.nextTurn == Self.start + .milliseconds(2_500))
    }

    @Test func `who leaves makes room`() {
        var line = DialLine(interval: .seconds(1), maxWait: .seconds(1))
        for ticket in 1...2 { #expect(line.enter(now: Self.start) == .ticket(UInt64(ticket))) }
        line.leave(1)
        #expect(line.enter(now: Self.start) == .ticket(3))
        #expect(line.callNext(now: Self.start) == 2)
        line.leave(3)
        #expect(line.nextTurn == nil)
        #expect(line.enter(now: Self.start + .seconds(60)) == .ticket(4))
        #expect(line.callNext(now: Self.start + .seconds(60)) == 4)
    }

    @Test func `tickets are called in order, and those that left are not`() async throws {
        let queue = DialQueue(callsPerSecond: 100)
        let running = RunningServices([queue])
        let tickets = try (0..<5).map { _ in try queue.enter().get() }
        queue.leave([tickets[1]])
        await #expect(throws: DialQueue.Left.self) { try await queue.turn(tickets[1]) }
        for ticket in [tickets[0], tickets[2], tickets[3]] { try await queue.turn(ticket) }
        let waiting = Task { try await queue.turn(tickets[4]) }
        waiting.cancel()
        // Its turn may have come before.
        _ = await waiting.result
        try await queue.turn(try queue.enter().get())
        try await running.stop()
    }

    @Test func `at the end everybody leaves`() async throws {
        let queue = DialQueue(callsPerSecond: 0.1)
        let running = RunningServices([queue])
        try await queue.turn(try queue.enter().get())
        let ticket = try queue.enter().get()
        let waiting = Task { try await queue.turn(ticket) }
        try await running.stop()
        await #expect(throws: DialQueue.Left.self) { try await waiting.value }
    }
}

@Suite struct ClaimKeysTests {
    @Test func `keys are the token's and the request's own`() {
        let keys = ClaimKeys(idempotencyKey: "k", token: "t")
        let same = ClaimKeys(idempotencyKey: "k", token: "t")
        #expect(keys.key(0) == same.key(0) && keys.requestID == same.requestID && keys.canRepeat)
        let others = [
            ClaimKeys(idempotencyKey: "k", token: "u"), ClaimKeys(idempotencyKey: "l", token: "t"),
            ClaimKeys(idempotencyKey: nil, token: "t"), ClaimKeys(idempotencyKey: nil, token: "t"),
        ]
        let all = ([keys] + others).flatMap { [$0.key(0), $0.key(1), $0.requestID] }
        #expect(Set(all).count == all.count)
        #expect(keys.key(0).utf8.count == 40 && keys.key(0).allSatisfy(\.isHexDigit))
    }

    @Test func `a request's id looks like a UUID`() throws {
        let id = ClaimKeys(idempotencyKey: "k", token: "t").requestID
        #expect(
            try #require(
                try Regex("[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}")
                    .wholeMatch(in: id)
            ).output.first != nil
        )
    }
}

@Suite struct InitiateCallRequestTests {
    private static func problems(_ json: JSONValue) -> [String] {
        do {
            _ = try InitiateCallRequest(body: ByteBuffer(string: json.text), destinations: DestinationPolicy("+1")!)
            return []
        } catch let problem as Problem {
            #expect(problem.status == .unprocessableContent)
            return problem.errors.map(\.field)
        } catch {
            return ["\(error)"]
        }
    }

    @Test func `every problem of every business is named`() {
        let json: JSONValue = [
            "phoneNumber": "+15550000001", "userId": 7, "quotes": [["price": 1], 2, "x"],
            "businesses": [
                ["phoneNumber": "+15550000001", "businessName": "One", "userRequest": "R"],
                7,
                ["phoneNumber": "555", "businessName": "", "userRequest": [], "category": 1],
                ["businessName": "Four", "phoneNumber": "+445550000001"],
            ],
        ]
        #expect(
            Self.problems(json) == [
                "phoneNumber", "businesses[1]", "businesses[2].phoneNumber", "businesses[2].businessName",
                "businesses[2].userRequest", "businesses[2].category", "businesses[3].phoneNumber",
                "businesses[3].userRequest", "userId", "quotes[1]", "quotes[2]",
            ]
        )
    }

    @Test func `limits hold`() {
        func request(_ more: [String: JSONValue]) -> JSONValue {
            var members: [String: JSONValue] = [
                "phoneNumber": "+15550000001", "businessName": "B", "userRequest": "R",
            ]
            members.merge(more) { $1 }
            return .object(members)
        }
        let business: JSONValue = ["phoneNumber": "+15550000001", "businessName": "B", "userRequest": "R"]
        let long = { (count: Int) in JSONValue.string(String(repeating: "ü", count: count)) }
        #expect(Self.problems(request([:])).isEmpty)
        #expect(Self.problems(request(["businessName": long(200), "userRequest": long(4_000)])).isEmpty)
        #expect(Self.problems(request(["businessName": long(201)])) == ["businessName"])
        #expect(Self.problems(request(["userRequest": long(4_001)])) == ["userRequest"])
        #expect(Self.problems(request(["userData": long(8_200)])) == ["userData"])
        #expect(Self.problems(request(["quotes": .object([:])])) == ["quotes"])
        #expect(Self.problems(request(["quotes": .array(Array(repeating: [:], count: 51))])) == ["quotes"])
        #expect(Self.problems(request(["quotes": [["details": long(16_400)]]])) == ["quotes"])
        #expect(Self.problems(request(["quotes": .null, "userData": .null, "businesses": .null])).isEmpty)
        #expect(Self.problems(["businesses": []]) == ["businesses"])
        #expect(Self.problems(["businesses": "x"]) == ["businesses"])
        #expect(Self.problems(["businesses": .array(Array(repeating: business, count: 10))]).isEmpty)
        #expect(Self.problems(["businesses": .array(Array(repeating: business, count: 11))]) == ["businesses"])
    }

    @Test func `what a business leaves out is as for all`() throws {
        let json: JSONValue = [
            "userRequest": "R", "category": "c", "userData": [1], "quotes": [["price": 5]],
            "businesses": [
                ["phoneNumber": "+15550000001", "businessName": "One"],
                [
                    "phoneNumber": "+15550000002", "businessName": "Two", "userRequest": "Own", "category": "own",
                    "userData": "own",
                ],
            ],
        ]
        let request = try InitiateCallRequest(body: ByteBuffer(string: json.text))
        #expect(request.isSeveral && request.quotes == #"[{"price":5}]"#)
        #expect(request.businesses.map(\.userRequest) == ["R", "Own"])
        #expect(request.businesses.map(\.category) == ["c", "own"])
        #expect(request.businesses.map(\.userData) == ["[1]", #""own""#])
    }
}
