// What control data and names say, read byte by byte.

import CEventLoop
import Glibc

/// The descriptors in control data.
struct ControlModel {
    private(set) var numbers: [CInt] = []
    /// A message says that it is longer than what is there, or shorter than its own header.
    private(set) var isCut = false

    init(_ control: [UInt8]) {
        // As much as there is room for.
        let limit = 4 * Int(CEL_DESCRIPTORS_MAX) + 4 + 16 + 256
        var rest = control.prefix(limit)
        while rest.count >= 16 {
            let length = number(rest.prefix(8))
            let level = number(rest.dropFirst(8).prefix(4))
            let type = number(rest.dropFirst(12).prefix(4))
            isCut = length < 16 || length > UInt64(rest.count)
            if length < 16 { return }
            if level == 1, type == 1 {
                var data = rest.prefix(Int(min(length, UInt64(rest.count)))).dropFirst(16)
                while data.count >= 4 {
                    numbers.append(CInt(truncatingIfNeeded: number(data.prefix(4))))
                    data = data.dropFirst(4)
                }
            }
            if isCut { return }
            rest = rest.dropFirst(Int(length + 7) / 8 * 8)
        }
    }
}

/// The names of datagrams, as the hostile kernel takes them from its answer.
struct NamesModel {
    private var addresses: [cel_address] = []

    init(_ names: [UInt8]) {
        var rest = names[...]
        while let length = rest.popFirst() {
            var address = cel_address()
            let kept = min(Int(length), MemoryLayout.size(ofValue: address.storage), rest.count)
            withUnsafeMutableBytes(of: &address.storage) { $0.copyBytes(from: rest.prefix(kept)) }
            address.length = socklen_t(length)
            addresses.append(address)
            rest = rest.dropFirst(kept)
        }
    }

    func address(_ index: Int) -> cel_address {
        index < addresses.count ? addresses[index] : cel_address()
    }
}

private func number(_ bytes: some Sequence<UInt8>) -> UInt64 {
    Array(bytes).reversed().reduce(0) { $0 << 8 | UInt64($1) }
}
