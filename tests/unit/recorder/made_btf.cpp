#include "tests/unit/recorder/made_btf.h"

#include <string>
#include <string_view>

namespace trapline::test {
namespace {

class Maker {
 public:
  explicit Maker(const MadeBtfOptions& options) : options_(options) {}

  tracer::Btf make() {
    u8_ = btf__add_int(types(), "unsigned char", 1, 0);
    u32_ = btf__add_int(types(), "unsigned int", 4, 0);
    u64_ = btf__add_int(types(), "unsigned long", 8, 0);
    pointer_ = btf__add_ptr(types(), 0);
    const int arch = add_arch();
    const int vcpu = btf__add_struct(types(), "kvm_vcpu", 512);
    add_field("kvm", pointer_, 0);
    add_field("vcpu_id", u32_, 8);
    add_field("arch", arch, 64);
    add_vcpu_vmx(vcpu);
    add_enum();
    add_tracepoint(vcpu);
    return std::move(btf_);
  }

 private:
  btf* types() { return btf_.get(); }

  void add_field(const char* name, int type, unsigned offset_bytes) {
    if (std::string_view(name) != options_.left_out) btf__add_field(types(), name, type, offset_bytes * 8, 0);
  }

  [[nodiscard]] bool nested() const { return options_.shape != VmxShape::flat; }

  int add_arch() {
    const bool bitmap = options_.shape == VmxShape::nested_bitmap;
    const int regs = btf__add_array(types(), u32_, u64_, bitmap ? 16 : 17);
    const int avail = bitmap ? btf__add_array(types(), u32_, u64_, 1) : u32_;
    const int arch = btf__add_struct(types(), "kvm_vcpu_arch", 256);
    add_field("regs", regs, 0);
    add_field("regs_avail", avail, kRegsAvail);
    add_field("nmi_injected", u8_, 200);
    return arch;
  }

  void add_vcpu_vmx(int vcpu) {
    const int reason = btf__add_union(types(), "vmx_exit_reason", 4);
    add_field("full", u32_, 0);
    int vt = 0;
    if (nested()) {
      vt = btf__add_struct(types(), "vcpu_vt", 104);
      add_exit_fields(reason, kExitReasonInVt);
    }
    btf__add_struct(types(), "vcpu_vmx", 8192);
    add_field("vcpu", vcpu, 0);
    if (nested())
      add_field("vt", vt, kVt);
    else
      add_exit_fields(reason, kFlatExitReason);
    add_field("idt_vectoring_info", u32_, 5000);
  }

  void add_exit_fields(int reason, unsigned from_bytes) {
    add_field("exit_reason", reason, from_bytes);
    add_field("exit_qualification", u64_, from_bytes + 8);
    add_field("exit_intr_info", u32_, from_bytes + 16);
  }

  void add_enum() {
    const std::string prefix = options_.shape == VmxShape::nested_bitmap ? "VCPU_REG_" : "VCPU_EXREG_";
    btf__add_enum(types(), "kvm_reg", 4);
    btf__add_enum_value(types(), (prefix + "EXIT_INFO_1").c_str(), options_.exit_info_1_bit);
    btf__add_enum_value(types(), (prefix + "EXIT_INFO_2").c_str(), 24);
  }

  // typedef void (*btf_trace_kvm_exit)(void *, struct kvm_vcpu *, u32);
  void add_tracepoint(int vcpu) {
    const bool right = std::string_view(options_.exit_takes) == "kvm_vcpu";
    const int takes = right ? vcpu : btf__add_struct(types(), options_.exit_takes, 8);
    const int argument = btf__add_ptr(types(), takes);
    const int function = btf__add_func_proto(types(), 0);
    btf__add_func_param(types(), "", pointer_);
    btf__add_func_param(types(), "", argument);
    btf__add_func_param(types(), "", u32_);
    btf__add_typedef(types(), "btf_trace_kvm_exit", btf__add_ptr(types(), function));
  }

  MadeBtfOptions options_;
  tracer::Btf btf_{btf__new_empty(), btf__free};
  int u8_ = 0;
  int u32_ = 0;
  int u64_ = 0;
  int pointer_ = 0;
};

}  // namespace

tracer::KernelBtf made_btf(const MadeBtfOptions& options) {
  tracer::KernelBtf made;
  made.vendor = Maker(options).make();
  return made;
}

}  // namespace trapline::test
