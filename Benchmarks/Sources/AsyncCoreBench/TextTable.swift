/// Numbers as text, without a locale.
enum Text {
    /// A whole number with separators: 1,234; below 10 with one decimal.
    static func count(_ value: Double) -> String {
        guard value.isFinite else { return "-" }
        if value < 9.95 { return decimal(value, places: 1) }
        var digits = String(Int(value.rounded()))
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return ([digits] + groups).joined(separator: ",")
    }

    static func ratio(_ value: Double) -> String { decimal(value, places: 2) + " x" }

    static func percent(_ value: Double) -> String { decimal(value * 100, places: 0) + " %" }

    /// A number that is not negative, with a fixed number of decimals.
    static func decimal(_ value: Double, places: Int) -> String {
        let scale = (0..<places).reduce(1) { scale, _ in scale * 10 }
        let scaled = Int((value * Double(scale)).rounded())
        if places == 0 { return String(scaled) }
        let fraction = String(scaled % scale)
        let zeros = String(repeating: "0", count: places - fraction.count)
        return "\(scaled / scale).\(zeros)\(fraction)"
    }
}

/// Aligned columns: the first `leading` to the left, the rest to the right.
struct TextTable {
    let leading: Int
    private var rows: [[String]]

    init(_ header: [String], leading: Int) {
        self.leading = leading
        rows = [header]
    }

    mutating func add(_ row: [String]) {
        rows.append(row)
    }

    var text: String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        var lines = rows.map { row in
            let cells = row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return column < leading ? cell + padding : padding + cell
            }
            let line = cells.joined(separator: "  ")
            return "  " + line.prefix(through: line.lastIndex { $0 != " " } ?? line.startIndex)
        }
        let width = widths.reduce(0, +) + 2 * (columns - 1)
        lines.insert("  " + String(repeating: "-", count: width), at: 1)
        return lines.joined(separator: "\n")
    }
}
