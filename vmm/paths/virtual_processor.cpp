#include "vmm/paths/virtual_processor.h"

namespace trapline::vmm {

std::uint64_t* VirtualProcessor::msr(std::uint32_t index) {
  // AMD APM vol. 2, appendix A.
  switch (index) {
    case 0xc0000080:
      return &efer;
    case 0xc0000081:
      return &star;
    case 0xc0000082:
      return &lstar;
    case 0xc0000084:
      return &sfmask;
    case 0xc0000102:
      return &kernel_gs;
    default:
      return nullptr;
  }
}

}  // namespace trapline::vmm
