// A snapshot as text: a tree of tasks.

/// Draws the tasks of a snapshot, each below its parent.
///
/// A task is drawn once, so it ends also if the parents go round in a circle, which it then says.
struct TaskTree {
    private let snapshot: EventLoop.Snapshot
    private var children: [TaskSnapshot.ID: [TaskSnapshot]] = [:]
    private var labels: [TaskSnapshot.ID: String] = [:]
    private var drawn: Set<TaskSnapshot.ID> = []
    private var lines: [String] = []

    init(_ snapshot: EventLoop.Snapshot) {
        self.snapshot = snapshot
        for task in snapshot.tasks { labels[task.id] = Self.label(task) }
        var roots: [TaskSnapshot] = []
        for task in snapshot.tasks {
            if let parent = task.parent, labels[parent] != nil {
                children[parent, default: []].append(task)
            } else {
                roots.append(task)
            }
        }
        lines = [heading]
        for task in roots { draw(task) }
        for task in snapshot.tasks where !drawn.contains(task.id) {
            lines.append("a circle of parents:")
            draw(task)
        }
        for cycle in snapshot.cycles {
            let names = (cycle + cycle.prefix(1)).map(label)
            lines.append("these wait for each other: " + names.joined(separator: " → "))
        }
    }

    var text: String { lines.joined(separator: "\n") }

    private var heading: String {
        let count = snapshot.tasks.count
        return "event loop" + (snapshot.loop.map { " '\($0)'" } ?? "")
            + ": \(count) task\(count == 1 ? "" : "s")"
    }

    private struct Branch {
        let task: TaskSnapshot
        let indent: String
        /// Nil at the root.
        let isLast: Bool?
    }

    /// A task, and all below it.
    private mutating func draw(_ root: TaskSnapshot) {
        // Not recursive: tasks that spawn tasks that spawn tasks may go deep.
        var left = [Branch(task: root, indent: "", isLast: nil)]
        while let branch = left.popLast() {
            let (task, indent) = (branch.task, branch.indent)
            let tick = branch.isLast.map { $0 ? "└─ " : "├─ " } ?? ""
            guard drawn.insert(task.id).inserted else {
                lines.append("\(indent)\(tick)\(label(task.id)) again")
                continue
            }
            lines.append("\(indent)\(tick)\(label(task.id)): \(describe(task))")
            let below = indent + (branch.isLast.map { $0 ? "   " : "│  " } ?? "")
            let children = children[task.id] ?? []
            for (index, child) in children.enumerated().reversed() {
                left.append(
                    Branch(task: child, indent: below, isLast: index == children.count - 1))
            }
        }
    }

    private static func label(_ task: TaskSnapshot) -> String {
        "#\(task.id)" + (task.name.map { " \($0)" } ?? (task.isChild ? " child" : ""))
    }

    private func label(_ id: TaskSnapshot.ID) -> String { labels[id] ?? "#\(id)" }

    private func describe(_ task: TaskSnapshot) -> String {
        let state =
            switch task.state {
            case .running: "running"
            case .ready: "ready"
            case .suspended: "suspended"
            case .waiting(let wait): describe(wait)
            }
        return task.isCancelled ? state + ", cancelled" : state
    }

    private func describe(_ wait: TaskSnapshot.Wait) -> String {
        let holders = wait.holders.prefix(4).map(label).joined(separator: ", ")
        let more = wait.holders.count > 4 ? " and \(wait.holders.count - 4) more" : ""
        return "waits for \(wait.what), for \(wait.elapsed)"
            + (holders.isEmpty ? "" : " → \(holders)\(more)")
    }
}
