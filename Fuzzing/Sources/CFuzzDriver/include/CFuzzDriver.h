/// libFuzzer, whose own `main` Swift's takes the place of.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Reads the arguments of the command line, and calls `input` for each input, on this thread.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*input)(const uint8_t *bytes, size_t count));
