import CallEvents
import NIOCore
import Testing

@Suite struct AudioFrameItemTests {
    @Test(arguments: ["item_A", "item_B", "item_AB", "", "item_Ä"])
    func `a likely item id changes nothing but the work`(_ likely: String) throws {
        for itemID in ["item_A", "", "item_Ä"] {
            var record = ByteBuffer()
            AudioFrame(codec: .pcmu, sequence: 3, itemID: itemID).write(to: &record)
            #expect(try AudioFrame(record: record, likelyItemID: likely) == AudioFrame(record: record))
            #expect(try AudioFrame(record: record, likelyItemID: likely).itemID == itemID)
        }
    }
}
