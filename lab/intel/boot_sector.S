# boot_sector.S: the first 512 bytes of the Intel machine's disk. Loads what lab/intel/pack_disk laid out behind it and
# enters Linux.
#
# A boot loader and the kernel's own unpacking would take minutes of emulation: here the kernel is on the disk unpacked,
# and goes to its place in memory sector by sector. Sectors 1 to 8 hold a table of rows of three 32-bit words (first
# sector, number of sectors, physical address). A row with no sectors ends it: address of the start information, 0, entry.
# The entry is Linux's for PVH (Documentation/arch/x86/boot: "x86/HVM direct boot"): 32-bit flat, EBX = start information.

.set table, 0x8000
.set table_sectors, 8
.set data, 0x1f0         # the first ATA channel's registers (ATA-6, 7.1)
.set sector_count, 0x1f2
.set device, 0x1f6
.set command, 0x1f7
.set read_sectors, 0x20
.set status_busy, 0x80
.set status_data, 0x08
.set most_at_once, 128

.code16
.globl _start
_start:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %ss
    movw $0x7c00, %sp
    inb $0x92, %al       # address line 20
    orb $2, %al
    outb %al, $0x92
    lgdtl gdt_register
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $8, $flat

.code32
flat:
    movw $16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw %ax, %fs
    movw %ax, %gs
    movl $0x7c00, %esp
    cld
    movl $1, %ebx
    movl $table_sectors, %ebp
    movl $table, %edi
    call read
    movl $table, %esi
next_row:
    movl (%esi), %ebx
    movl 4(%esi), %ebp
    movl 8(%esi), %edi
    addl $12, %esi
    testl %ebp, %ebp
    jz enter
    call read
    jmp next_row
enter:
    jmp *%edi

# EBX first sector, EBP number, EDI where to.
read:
    testl %ebp, %ebp
    jz done
    movl $most_at_once, %ecx
    cmpl %ecx, %ebp
    jae ask
    movl %ebp, %ecx
ask:
    movw $device, %dx
    movl %ebx, %eax
    shrl $24, %eax
    orb $0xe0, %al       # by LBA, device 0
    outb %al, %dx
    movw $sector_count, %dx
    movb %cl, %al
    outb %al, %dx
    movl %ebx, %eax      # the next three registers: LBA from low to high
    incl %edx
    outb %al, %dx
    shrl $8, %eax
    incl %edx
    outb %al, %dx
    shrl $8, %eax
    incl %edx
    outb %al, %dx
    movw $command, %dx
    movb $read_sectors, %al
    outb %al, %dx
    addl %ecx, %ebx
    subl %ecx, %ebp
one_sector:
    movw $command, %dx
wait:
    inb %dx, %al
    testb $status_busy, %al
    jnz wait
    testb $status_data, %al
    jz wait
    pushl %ecx
    movw $data, %dx
    movl $256, %ecx
    rep insw
    popl %ecx
    loop one_sector
    jmp read
done:
    ret

.align 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff # flat code
    .quad 0x00cf93000000ffff # flat data
gdt_register:
    .word . - gdt - 1
    .long gdt

.org 0x1be               # a partition that begins at 1: the BIOS takes its geometry from it
    .byte 0x80, 0, 2, 0, 0x83, 0, 0, 0
    .long 1, 0x10000
.org 510
    .word 0xaa55
