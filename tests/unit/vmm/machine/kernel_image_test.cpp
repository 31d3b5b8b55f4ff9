#include "vmm/machine/kernel_image.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "vmm/machine/layout.h"

namespace trapline::vmm {
namespace {

std::vector<std::byte> nano_kernel_copy() {
  const auto file = nano_kernel_file();
  return {file.begin(), file.end()};
}

template <typename T>
T& at(std::vector<std::byte>& file, std::size_t offset) {
  return *reinterpret_cast<T*>(file.data() + offset);
}

TEST(KernelImage, TheBuiltInOneIsWellFormed) {
  const auto image = KernelImage::parse(nano_kernel_file());
  ASSERT_TRUE(image) << image.error().text();
  EXPECT_EQ(image->header.magic, std::uint64_t{GUEST_IMAGE_MAGIC});
  ASSERT_EQ(image->segments.size(), 6U);
  for (const KernelSegment& segment : image->segments) {
    const bool monitor = segment.gpa >= GUEST_MONITOR_IMAGE;
    EXPECT_EQ(segment.access.user, segment.gpa >= GUEST_USER_IMAGE && !monitor);
    EXPECT_FALSE(segment.access.writable && segment.access.executable);
    EXPECT_FALSE(segment.access.writable && segment.access.user);
  }
  EXPECT_EQ(image->symbol_at(image->entry), "kernel_entry+0x0");
  EXPECT_EQ(image->symbol_at(image->header.syscall_entry + 1), "syscall_entry+0x1");
  EXPECT_EQ(image->symbol_at(0), "");
  EXPECT_EQ(image->symbol_at(0x7fffffff), "");
}

TEST(KernelImage, LoadsBytesAndZeroes) {
  const auto image = KernelImage::parse(nano_kernel_file());
  const auto memory = GuestMemory::create(guest_memory_bytes(1));
  ASSERT_TRUE(image && memory);
  const KernelSegment& data = image->segments[2];
  ASSERT_TRUE(memory->write(data.gpa + data.memory_bytes - 1, std::uint8_t{0xff}));
  ASSERT_TRUE(image->load(*memory));
  EXPECT_EQ(memory->read<std::uint64_t>(GUEST_KERNEL_IMAGE).value(), std::uint64_t{GUEST_IMAGE_MAGIC});
  EXPECT_EQ(memory->read<std::uint8_t>(data.gpa + data.memory_bytes - 1).value(), 0);
}

TEST(KernelImage, RefusesWhatIsNoKernel) {
  EXPECT_FALSE(KernelImage::parse({}));
  auto file = nano_kernel_copy();
  at<unsigned char>(file, 0) = 0;
  EXPECT_FALSE(KernelImage::parse(file));

  file = nano_kernel_copy();
  at<Elf64_Ehdr>(file, 0).e_machine = EM_386;
  EXPECT_FALSE(KernelImage::parse(file));

  file = nano_kernel_copy();
  at<Elf64_Ehdr>(file, 0).e_phnum = 0xffff;
  EXPECT_FALSE(KernelImage::parse(file));

  file = nano_kernel_copy();
  at<Elf64_Ehdr>(file, 0).e_phoff = ~std::uint64_t{0} - 8;
  EXPECT_FALSE(KernelImage::parse(file));
}

TEST(KernelImage, RefusesSegmentsThatReachOut) {
  const std::size_t first = sizeof(Elf64_Ehdr);
  const auto broken = [&](auto change) {
    auto file = nano_kernel_copy();
    change(at<Elf64_Phdr>(file, first));
    return !KernelImage::parse(file).has_value();
  };
  EXPECT_TRUE(broken([](Elf64_Phdr& segment) { segment.p_offset = ~std::uint64_t{0}; }));
  EXPECT_TRUE(broken([](Elf64_Phdr& segment) { segment.p_filesz = segment.p_memsz + 1; }));
  EXPECT_TRUE(broken([](Elf64_Phdr& segment) { segment.p_memsz = ~std::uint64_t{0}; }));
  EXPECT_TRUE(broken([](Elf64_Phdr& segment) { segment.p_vaddr = 0; }));
  EXPECT_TRUE(broken([](Elf64_Phdr& segment) { segment.p_vaddr += 16; }));
  EXPECT_TRUE(broken([](Elf64_Phdr& segment) { segment.p_vaddr = GUEST_RING(0); }));
  EXPECT_TRUE(broken([](Elf64_Phdr& segment) { segment.p_type = PT_NULL; }));  // the header is gone with it
}

TEST(KernelImage, EveryTruncationIsSurvived) {
  const auto file = nano_kernel_copy();
  for (std::size_t size = 0; size < file.size(); size += 37) {
    const auto image = KernelImage::parse(std::span(file).first(size));
    EXPECT_TRUE(!image || image->header.magic == GUEST_IMAGE_MAGIC);
  }
}

TEST(KernelImage, DamageIsSurvived) {
  const auto memory = GuestMemory::create(guest_memory_bytes(1));
  ASSERT_TRUE(memory);
  std::mt19937 random(3);
  const auto original = nano_kernel_copy();
  const std::size_t headers = reinterpret_cast<const Elf64_Ehdr*>(original.data())->e_shoff;
  for (int i = 0; i < 3000; ++i) {
    auto file = original;
    for (int flip = 0; flip < 4; ++flip) {
      // Half of it in the ELF and program headers, half in the section headers.
      const std::size_t where = flip % 2 == 0 ? random() % 400 : headers + random() % (file.size() - headers);
      file[where] = static_cast<std::byte>(random());
    }
    const auto image = KernelImage::parse(file);
    if (!image) continue;
    (void)image->load(*memory);
    (void)image->symbol_at(GUEST_KERNEL_IMAGE + 100);
  }
}

}  // namespace
}  // namespace trapline::vmm
