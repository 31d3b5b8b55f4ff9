// Rights of this process: what it does not need any more it gives away.
#pragma once

#include "base/result.h"

namespace trapline {

// Gives up every capability for good (effective, permitted, inheritable, ambient and, where that is
// permitted, the bounding set) and the means to get any back by executing a program (no_new_privs). For the
// calling thread, so call it before there are others. Files are from then on opened by the rights of the user
// alone, root too.
[[nodiscard]] Status drop_privileges();

}  // namespace trapline
