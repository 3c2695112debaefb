import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

@Suite
struct ReadBufferTests {
    @Test func `it behaves as a plain array does`() {
        for seed in 0..<200 {
            var choices = SplitMix64(seed: seed)
            var buffer = ReadBuffer()
            var model: [UInt8] = []
            for _ in 0..<200 {
                switch choices.below(5) {
                case 0, 1:
                    let chunk = (0..<choices.below(9)).map { _ in UInt8(choices.below(3)) }
                    buffer.append(chunk)
                    model += chunk
                case 2:
                    let count = choices.below(model.count + 1)
                    #expect(buffer.take(count) == Array(model.prefix(count)))
                    model.removeFirst(count)
                case 3:
                    let from = choices.below(model.count + 1)
                    let found = buffer.firstIndex(of: 1, from: from)
                    #expect(found == model[from...].firstIndex(of: 1))
                default:
                    var memory = [UInt8](repeating: 9, count: choices.below(6))
                    var span = memory.mutableSpan
                    var bytes = span.mutableBytes
                    let count = buffer.take(into: &bytes)
                    #expect(memory.prefix(count) == model.prefix(count))
                    model.removeFirst(count)
                }
                #expect(buffer.count == model.count)
                #expect(buffer.prefix(model.count) == model)
            }
        }
    }

    @Test func `matches are those that a plain search finds (S498)`() {
        let separators: [[UInt8]] = [[1, 2], [2, 1, 2], [3], [1, 1, 1]]
        for seed in 0..<2_000 {
            var choices = SplitMix64(seed: seed)
            let bytes = (0..<choices.below(12)).map { _ in UInt8(choices.below(4)) }
            var buffer = ReadBuffer()
            buffer.append(bytes)
            var expected: Range<Int>?
            for end in 0...bytes.count {
                let matches = separators.filter { bytes[..<end].suffix($0.count) == $0[...] }
                if let longest = matches.map(\.count).max() {
                    expected = end - longest..<end
                    break
                }
            }
            #expect(buffer.firstMatch(of: separators, searched: 0) == expected)
        }
    }
}
