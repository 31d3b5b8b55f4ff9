// BTF of the running kernel and of the kvm modules, from /sys/kernel/btf: readable without any right.
#pragma once

#include <bpf/btf.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace trapline::tracer {

using Btf = std::unique_ptr<btf, decltype(&btf__free)>;

// Where KVM is built in, the modules have no BTF of their own, and the kernel's has it all.
struct KernelBtf {
  Btf kernel{nullptr, btf__free};
  Btf kvm{nullptr, btf__free};     // of the module; null: none
  Btf vendor{nullptr, btf__free};  // the same of kvm_amd or kvm_intel

  // Null parts for what cannot be read.
  static KernelBtf read(const char* vendor_module);

  struct Found {
    const btf* types;
    const btf_type* type;
  };
  // A named type of a kind (BTF_KIND_*) in any of the three, which do not change after the first call. Not of
  // what is only declared.
  [[nodiscard]] std::optional<Found> find(std::string_view name, unsigned kind) const;

  // What is left of a type without typedefs and qualifiers; null: void.
  [[nodiscard]] static const btf_type* plain(const btf* types, unsigned id);

  // Where a member lies, in bits from the beginning of its struct. Looks into anonymous members, and into
  // those into which newer kernels moved what older ones have in the struct itself.
  struct Member {
    unsigned type;
    std::uint32_t bit_offset;
  };
  [[nodiscard]] static std::optional<Member> member(const btf* types, const btf_type* of,
                                                    std::string_view name);

  // The value of an enumerator of a named enum; none where the kernel lacks the one or the other.
  [[nodiscard]] std::optional<std::int64_t> enumerator(std::string_view enumeration,
                                                       std::string_view name) const;

 private:
  // libbpf compares a name with all of 130,000 types, and finds those of a module after those of the kernel.
  using Index = std::unordered_map<std::string_view, Found>;
  mutable std::map<unsigned, Index> by_kind_;
};

}  // namespace trapline::tracer
