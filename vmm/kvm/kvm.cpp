#include "vmm/kvm/kvm.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/variable_length.h"

namespace trapline::vmm {

namespace {

constexpr std::string_view kObject = "/dev/kvm";

Error cannot_open(const std::string& device, int error_number) {
  std::string remedy;
  switch (error_number) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
      remedy =
          "load kvm_amd or kvm_intel (virtualization must be enabled in the firmware; a container needs "
          "--device /dev/kvm; a VM needs nested virtualization), or use the emulated machine: ./dev lab";
      break;
    case EACCES:
    case EPERM:
      remedy = "run as root, or join the group that owns it: sudo usermod -aG kvm $USER, then log in again";
      break;
    case EBUSY:
      remedy = "another hypervisor holds the processor's virtualization: stop it";
      break;
    default:
      break;
  }
  Error error = system_error("open", device, error_number, remedy);
  error.status = ExitStatus::machine_lacks;
  return error;
}

}  // namespace

Result<Kvm> Kvm::open(const std::string& device) {
  Fd fd(::open(device.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return fail(cannot_open(device, errno));
  const auto version = kvm_ioctl(fd, KVM_GET_API_VERSION, 0UL, "KVM_GET_API_VERSION", device);
  if (!version || *version != KVM_API_VERSION) {
    return fail(fmt::format("{} does not speak KVM's API version {}", device, KVM_API_VERSION),
                "is it KVM's device node? (character device 10:232)", ExitStatus::machine_lacks);
  }
  TRAPLINE_ASSIGN(size, kvm_ioctl(fd, KVM_GET_VCPU_MMAP_SIZE, 0UL, "KVM_GET_VCPU_MMAP_SIZE", device));
  return Kvm(std::move(fd), static_cast<std::size_t>(size));
}

Result<int> Kvm::check_extension(int capability) const {
  return kvm_ioctl(fd_, KVM_CHECK_EXTENSION, static_cast<unsigned long>(capability), "KVM_CHECK_EXTENSION",
                   kObject);
}

Result<std::vector<kvm_cpuid_entry2>> Kvm::supported_cpuid() const {
  // E2BIG until the buffer is large enough; KVM itself never has more than KVM_MAX_CPUID_ENTRIES (256).
  std::vector<kvm_cpuid_entry2> entries(256);
  auto buffer = with_entries(std::span<const kvm_cpuid_entry2>(entries));
  TRAPLINE_TRY(kvm_ioctl(fd_, kGetSupportedCpuid, buffer.data(), "KVM_GET_SUPPORTED_CPUID", kObject));
  KvmEntriesHeader header;
  std::memcpy(&header, buffer.data(), sizeof header);
  entries.resize(std::min<std::size_t>(header.count, entries.size()));
  std::memcpy(entries.data(), buffer.data() + sizeof header, entries.size() * sizeof(kvm_cpuid_entry2));
  return entries;
}

Result<Vm> Kvm::create_vm() const {
  TRAPLINE_ASSIGN(fd, kvm_ioctl(fd_, KVM_CREATE_VM, 0UL, "KVM_CREATE_VM", kObject));
  return Vm(Fd(fd), vcpu_mapping_bytes_);
}

}  // namespace trapline::vmm
