// A program for ProgramModeTests: a synchronous main, which an exit test cannot have.

Probe.run(CommandLine.arguments.dropFirst().first ?? "")
