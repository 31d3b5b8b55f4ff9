#include "vmm/kvm/ioctl.h"

#include <fmt/format.h>
#include <sys/ioctl.h>

#include <cerrno>

namespace trapline::vmm {

Result<int> kvm_ioctl(const Fd& fd, unsigned long request, unsigned long argument, std::string_view call,
                      std::string_view object) {
  int result = 0;
  do {
    result = ::ioctl(fd.get(), request, argument);
  } while (result < 0 && errno == EINTR);
  if (result < 0) return fail(system_error(fmt::format("call {} on", call), object, errno));
  return result;
}

}  // namespace trapline::vmm
