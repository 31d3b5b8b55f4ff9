#include "viewer/vector_label.h"

#include "tracer/exits/vectors.h"
#include "vmm/guest/abi.h"

namespace trapline::viewer {

std::string vector_label(std::uint32_t vector) {
  return vector == GUEST_VECTOR_SYSCALL ? "syscall" : tracer::vector_name(vector);
}

}  // namespace trapline::viewer
