// The copy of the kernel's types in which libbpf looks up the fields that the probes read: the real probes'
// BTF, over a kernel's of each shape that struct vcpu_vmx had.
#include "tracer/recorder/probe_types.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string_view>

#include "bpf/control.h"
#include "tests/unit/recorder/made_btf.h"

#include <probes.skel.h>  // names types of bpf/control.h

namespace trapline::tracer {
namespace {

using test::made_btf;
using test::VmxShape;

struct Field {
  unsigned offset_bytes;
  std::uint32_t size_bytes;
  bool operator==(const Field&) const = default;
};

class ProbeTypesCopy : public testing::TestWithParam<VmxShape> {
 protected:
  void SetUp() override {
    const std::unique_ptr<probes, void (*)(probes*)> opened(probes__open(), probes__destroy);
    ASSERT_NE(opened, nullptr);
    copy_ = copy_of_types(bpf_object__btf(opened->obj), made_btf({.shape = GetParam()}));
    ASSERT_NE(copy_, nullptr);
  }

  // As libbpf looks for it: a direct member only.
  [[nodiscard]] std::optional<Field> field(const char* structure, std::string_view name) const {
    const int id = btf__find_by_name_kind(copy_.get(), structure, BTF_KIND_STRUCT);
    const btf_type* type = id > 0 ? btf__type_by_id(copy_.get(), static_cast<unsigned>(id)) : nullptr;
    for (std::uint32_t i = 0; type != nullptr && i < btf_vlen(type); ++i) {
      const btf_member& member = btf_members(type)[i];
      if (btf__name_by_offset(copy_.get(), member.name_off) != name) continue;
      const btf_type* inner = btf__type_by_id(copy_.get(), member.type);
      return Field{btf_member_bit_offset(type, i) / 8, btf_is_ptr(inner) ? 8 : inner->size};
    }
    return std::nullopt;
  }

  Btf copy_{nullptr, btf__free};
};

TEST_P(ProbeTypesCopy, HasTheFieldsOfAnExitInVcpuVmx) {
  const unsigned from =
      GetParam() == VmxShape::flat ? test::kFlatExitReason : test::kVt + test::kExitReasonInVt;
  EXPECT_EQ(field("vcpu_vmx", "exit_reason"), (Field{from, 4}));
  EXPECT_EQ(field("vcpu_vmx", "exit_qualification"), (Field{from + 8, 8}));
  EXPECT_EQ(field("vcpu_vmx", "exit_intr_info"), (Field{from + 16, 4}));
  EXPECT_EQ(field("vcpu_vmx", "idt_vectoring_info"), (Field{5000, 4}));
  EXPECT_EQ(field("vcpu_vmx", "vt"), std::nullopt) << "the probes do not name it";
}

TEST_P(ProbeTypesCopy, HasTheFirstWordOfRegsAvail) {
  const std::uint32_t word = GetParam() == VmxShape::nested_bitmap ? 8 : 4;
  EXPECT_EQ(field("kvm_vcpu_arch", "regs_avail"), (Field{test::kRegsAvail, word}));
}

TEST_P(ProbeTypesCopy, HasNothingThatTheKernelLacks) {
  EXPECT_EQ(field("kvm_vcpu_arch", "exception"), std::nullopt);
  EXPECT_EQ(field("vcpu_svm", "vmcb"), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Shapes, ProbeTypesCopy,
                         testing::Values(VmxShape::flat, VmxShape::nested, VmxShape::nested_bitmap));

}  // namespace
}  // namespace trapline::tracer
