// ioctl(2) on KVM's descriptors, with errors that say which call on what. Used inside vmm/kvm only.
#pragma once

#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace trapline::vmm {

// The call's non-negative result. `call` is the request's name, `object` what it was called on.
[[nodiscard]] Result<int> kvm_ioctl(const Fd& fd, unsigned long request, unsigned long argument,
                                    std::string_view call, std::string_view object);

template <typename T>
[[nodiscard]] Result<int> kvm_ioctl(const Fd& fd, unsigned long request, T* argument, std::string_view call,
                                    std::string_view object) {
  return kvm_ioctl(fd, request, reinterpret_cast<unsigned long>(argument), call, object);
}

}  // namespace trapline::vmm
