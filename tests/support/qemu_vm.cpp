#include "tests/support/qemu_vm.h"

#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace trapline::test {
namespace {

constexpr std::uintmax_t kDiskBytes = 4 << 20;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// What differs between the two: the bus of the devices, and how the guest can end the machine.
struct MachineRow {
  const char* machine;
  const char* block;
  const char* network;
  const char* end;
};

MachineRow row_of(Machine machine) {
  if (machine == Machine::microvm) return {"microvm", "virtio-blk-device", "virtio-net-device", "reboot"};
  return {"q35", "virtio-blk-pci", "virtio-net-pci", "poweroff"};
}

std::string kernel_command_line(const MachineRow& machine, unsigned rounds) {
  return "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off nokaslr no_timer_check cryptomgr.notests "
         "nowatchdog "
         "tsc=reliable trapline.rounds=" +
         std::to_string(rounds) + " trapline.end=" + machine.end;
}

}  // namespace

bool qemu_available() {
  return !variable("TRAPLINE_GUEST_QEMU").empty();
}

std::vector<std::string> qemu_command(const QemuOptions& options, const std::string& disk) {
  const MachineRow row = row_of(options.machine);
  { const std::ofstream make(disk); }
  std::filesystem::resize_file(disk, kDiskBytes);
  return {variable("TRAPLINE_GUEST_QEMU"),
          "-name",
          options.name,
          "-M",
          row.machine,
          "-accel",
          "kvm",
          "-cpu",
          "host",
          "-smp",
          "2",
          "-m",
          "256",
          "-nodefaults",
          "-no-user-config",
          "-display",
          "none",
          "-no-reboot",
          "-serial",
          "stdio",
          "-kernel",
          variable("TRAPLINE_GUEST_KERNEL"),
          "-initrd",
          variable("TRAPLINE_GUEST_INITRAMFS"),
          "-append",
          kernel_command_line(row, options.rounds),
          "-drive",
          "if=none,id=disk,format=raw,file=" + disk,
          "-device",
          std::string(row.block) + ",drive=disk",
          "-netdev",
          "user,id=net,restrict=on",
          "-device",
          std::string(row.network) + ",netdev=net"};
}

QemuVm::QemuVm(const QemuOptions& options, const std::string& disk) : process_(qemu_command(options, disk)) {}

bool QemuVm::works(std::chrono::seconds within) const {
  return process_.says("guest: working", within);
}

bool QemuVm::finishes(std::chrono::seconds within) {
  return process_.wait(within).status == 0 && said().find("guest: done") != std::string::npos;
}

void QemuVm::kill() const {
  process_.signal(SIGKILL);
}

}  // namespace trapline::test
