import CRdKafka
import Dispatch
import Logging

/// The end of a member. All runs on the thread.
extension ConsumerLoop {
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
        self.joinFirst()
        self.commit()
        self.leave()
        self.handOff.finish()
    }

    /// Librdkafka below 2.2 aborts the process when a member is destroyed between its first join and the assignment that
    /// follows (confluentinc/librdkafka#4312), so a member that joins is let join; the broker answers within its initial
    /// rebalance delay of 3 s. One that is not let in stays behind until the process ends.
    private func joinFirst() {
        let limit = DispatchTime.now() + .seconds(5)
        while !self.rebalances.hasJoined, !self.rebalances.hasPending {
            guard DispatchTime.now() < limit else { return self.handle.keep() }
            if let message = rd_kafka_consumer_poll(self.handle.pointer, 10) { rd_kafka_message_destroy(message) }
        }
        self.answerWhileLeaving()
    }

    /// For the member to leave its group, and then for its client to close. A broker that is away or in trouble may not
    /// let them; its session runs out then.
    private static let patience = DispatchTimeInterval.seconds(3)

    /// A static member does not leave its group by closing: unsubscribing makes it, if it is let finish.
    private func leave() {
        rd_kafka_unsubscribe(self.handle.pointer)
        let limit = DispatchTime.now() + Self.patience
        self.answerWhileLeaving()
        while self.isMember, DispatchTime.now() < limit {
            if let message = rd_kafka_consumer_poll(self.handle.pointer, 10) { rd_kafka_message_destroy(message) }
            self.answerWhileLeaving()
        }
        self.close()
    }

    /// `rd_kafka_queue_poll_callback` aborts the process at a record that nobody takes (rdkafka_queue.c,
    /// `res != RD_KAFKA_OP_RES_PASS`), and one may have come in the instant before its partition was given up. Polls for
    /// messages do not use this callback.
    static func dropWhatComesWhileClosing(_ conf: OpaquePointer) {
        rd_kafka_conf_set_consume_cb(conf) { _, _ in }
    }

    /// Closing waits for requests that the broker does not answer, and asks again, for as long as it takes.
    private func close() {
        // It waits for the rebalance that it causes itself when there was no time to leave.
        guard let queue = rd_kafka_queue_new(self.handle.pointer) else { return }
        defer { rd_kafka_queue_destroy(queue) }
        if let error = rd_kafka_consumer_close_queue(self.handle.pointer, queue) {
            return self.check(error, "consumer not closed")
        }
        let limit = DispatchTime.now() + Self.patience
        while rd_kafka_consumer_closed(self.handle.pointer) == 0 {
            guard DispatchTime.now() < limit else {
                self.handle.keep()
                return self.logger.warning("consumer not closed in time: it is left behind until the process ends")
            }
            rd_kafka_queue_poll_callback(queue, 50)
            self.answerWhileLeaving()
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
