import CRdKafka
import Dispatch
import Logging

/// The end of a member. All runs on the thread.
extension ConsumerLoop {
    /// Librdkafka was seen to wait for a broker that is away without an end.
    private static let closingLimit = DispatchTimeInterval.seconds(3)

    /// - Returns: whether a new client takes the place of one that cannot go on.
    func replaceClient() -> Bool {
        guard !self.handOff.isStopping, self.client.mayBeReplaced else { return false }
        self.logger.warning("fenced after a session time-out of its own: joining the group again")
        self.lose()
        self.rebalances.reset()
        do {
            try self.client.replace()
            return true
        } catch {
            self.handOff.finish(.failure(error))
            return false
        }
    }

    /// What an unusable client held.
    private func lose() {
        self.handOff.revise { _ in nil }
        let held = Self.numbers(self.rebalances.owned)
        if !held.isEmpty { self.tell(.lost(held)) }
        // librdkafka ends such a membership by itself, but not while it waits for an answer.
        self.answerWhileLeaving()
    }

    func end() {
        if let error = self.handle.fatalError {
            self.lose()
            self.handOff.finish(.failure(error))
            return
        }
        self.handOff.revise { _ in nil }
        let held = Self.numbers(self.rebalances.owned)
        if !held.isEmpty { self.tell(.revoked(held)) }
        self.commit()
        self.leave()
        self.handOff.finish()
    }

    /// A static member does not leave its group by closing: unsubscribing makes it, if it is let finish.
    private func leave() {
        rd_kafka_unsubscribe(self.handle.pointer)
        let limit = DispatchTime.now() + .seconds(3)
        self.answerWhileLeaving()
        while self.isMember, DispatchTime.now() < limit {
            if let message = rd_kafka_consumer_poll(self.handle.pointer, 10) { rd_kafka_message_destroy(message) }
            self.answerWhileLeaving()
        }
        // Close waits for the rebalance that it causes itself when there was no time to leave.
        guard let queue = rd_kafka_queue_new(self.handle.pointer) else { return }
        defer { rd_kafka_queue_destroy(queue) }
        if let error = rd_kafka_consumer_close_queue(self.handle.pointer, queue) {
            return self.check(error, "consumer not closed")
        }
        let closed = DispatchTime.now() + Self.closingLimit
        while rd_kafka_consumer_closed(self.handle.pointer) == 0 {
            rd_kafka_queue_poll_callback(queue, 50)
            self.answerWhileLeaving()
            guard DispatchTime.now() >= closed else { continue }
            // It goes on by itself, for as long as the process lives, and may still call back.
            _ = Unmanaged.passRetained(self.rebalances)
            return self.logger.warning("consumer not closed in time; the broker is out of reach")
        }
    }

    private var isMember: Bool {
        guard let id = rd_kafka_memberid(self.handle.pointer) else { return false }
        defer { rd_kafka_mem_free(self.handle.pointer, id) }
        return id.pointee != 0
    }

    private func answerWhileLeaving() {
        while let rebalance = self.rebalances.takePending() {
            switch rebalance {
            case .assign:
                let none = TopicPartitionList([KafkaTopicPartition]())
                self.check(rd_kafka_incremental_assign(self.handle.pointer, none.pointer), "partitions not assigned")
            case .revoke, .lost:
                var assignment: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
                guard rd_kafka_assignment(self.handle.pointer, &assignment) == RD_KAFKA_RESP_ERR_NO_ERROR,
                    let assignment
                else { continue }
                let all = TopicPartitionList(adopting: assignment)
                self.check(
                    rd_kafka_incremental_unassign(self.handle.pointer, all.pointer),
                    "partitions not unassigned"
                )
            }
        }
    }
}
