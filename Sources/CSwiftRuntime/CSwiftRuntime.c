// A target needs a source file; all there is, is in the header.
#include "CSwiftRuntime.h"
