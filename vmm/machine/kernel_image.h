// A kernel for the guest: the nano-kernel's ELF file, read without trusting it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "vmm/guest/abi.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/x86/paging.h"

namespace trapline::vmm {

// The ELF file that is built into this program.
[[nodiscard]] std::span<const std::byte> nano_kernel_file();

struct KernelSegment {
  std::uint64_t gpa = 0;             // page-aligned; equal to its virtual address
  std::uint64_t memory_bytes = 0;    // file bytes, then zeroes
  std::span<const std::byte> bytes;  // of the file that was parsed
  x86::PageAccess access;
};

struct KernelSymbol {
  std::uint64_t address = 0;
  std::string name;
};

struct KernelImage {
  std::uint64_t entry = 0;
  guest_image_header header{};
  std::vector<KernelSegment> segments;
  std::vector<KernelSymbol> symbols;  // functions and labels of the image, by address

  // `file` must outlive the image. Segments lie within the image's ranges of the guest-physical map.
  static Result<KernelImage> parse(std::span<const std::byte> file);

  [[nodiscard]] Status load(const GuestMemory& memory) const;
  // "isr+0x2c", or empty where no symbol lies before the address.
  [[nodiscard]] std::string symbol_at(std::uint64_t address) const;
};

}  // namespace trapline::vmm
