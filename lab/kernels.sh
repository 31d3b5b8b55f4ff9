# kernels.sh: Debian's Linux in the cache: an image, the modules that a machine loads, in load order. Sourced by lab/lab.

readonly valid_kernels='6.1 6.12 6.18 newest'

# The suite of Debian that has a kernel line. Both keep superseded versions for a while; the highest counts.
kernel_suite() {
    case $1 in
    6.1 | 6.12) echo bookworm ;;
    6.18 | newest) echo trixie-backports ;;
    esac
}

# ensure_kernel ENTRY LINE FLAVOUR MODULES REFRESH: FLAVOUR is empty or -cloud, which has fewer drivers and so boots faster.
ensure_kernel() {
    local entry=$1 line=$2 flavour=$3 modules=$4 refresh=$5
    if [[ $refresh = 1 || $(cat "$lab_cache/$entry/wanted" 2>/dev/null) != "$modules" ]]; then
        say "fetching Debian's Linux $line${flavour/-/, } (once)"
        local folder
        folder=$(new_entry "$entry")
        fetch_kernel "$line" "$flavour" "$modules" "$folder"
        replace_entry "$entry" "$folder"
    fi
    kernel_dir=$(readlink -f "$lab_cache/$entry")
    # Unpacked here once: to unpack it inside is a quarter of the work of a boot.
    if [[ ! -e $kernel_dir/vmlinux ]]; then
        unpack_kernel "$kernel_dir/vmlinuz" >"$kernel_dir/vmlinux.new"
        mv "$kernel_dir/vmlinux.new" "$kernel_dir/vmlinux"
    fi
    kernel_version=$(<"$kernel_dir/version")
}

fetch_kernel() {
    local line=$1 flavour=$2 modules=$3 dir=$4 root=$4/apt suite version image
    suite=$(kernel_suite "$line")
    debian_open "$root" "$suite"
    version=$(newest_kernel "$root" "$line" "$flavour")
    [[ -n $version ]] ||
        fail "$status_cannot_start" "Debian $suite has no kernel image of Linux $line: lab/kernels.sh needs another suite for it"
    unpack_kernel_packages "$root" "$version" "$dir/unpacked"
    # Modules are in /lib or /usr/lib by kernel version, and kmod looks in either by its own: make both names work.
    mkdir -p "$dir/unpacked/usr/lib" "$dir/unpacked/lib"
    if [[ -d $dir/unpacked/usr/lib/modules ]]; then
        ln -s ../usr/lib/modules "$dir/unpacked/lib/modules"
    else
        ln -s ../../lib/modules "$dir/unpacked/usr/lib/modules"
    fi
    depmod -b "$dir/unpacked" "$version"
    extract_modules "$dir" "$version" "$modules"
    image=$dir/unpacked/boot/vmlinuz-$version
    [[ -e $image ]] || image=$dir/unpacked/usr/lib/modules/$version/vmlinuz
    cp "$image" "$dir/vmlinuz"
    rm -rf "$dir/unpacked" "$root"
    echo "$version" >"$dir/version"
    echo "$modules" >"$dir/wanted"
}

# newest_kernel ROOT LINE FLAVOUR: the highest version of that line, as uname -r prints it; of the line newest, the
# highest of all.
newest_kernel() {
    local root=$1 line=$2 flavour=$3 prefix=
    [[ $line = newest ]] || prefix=$line.
    debian_names "$root" linux-image- |
        sed -nE "s/^linux-image-([0-9]+\.[0-9]+\.[0-9]+(-[0-9]+|\+deb[0-9]+)$flavour-amd64)\$/\1/p" |
        awk -v prefix="$prefix" 'index($0, prefix) == 1' | sort -V | tail -n 1
}

# unpack_kernel_packages ROOT VERSION DIR: one package up to 6.18; from 6.19 on image and modules are in packages of
# their own.
unpack_kernel_packages() {
    local root=$1 version=$2 dir=$3 package file
    for package in $(debian_names "$root" linux- | grep -xE "linux-(image|binary|modules|base)-${version//+/\\+}"); do
        file=$(debian_fetch "$root" "$package")
        dpkg-deb -x "$file" "$dir"
        rm "$file"
    done
}

# The kernel inside a bzImage, an ELF file. The header's fields: Documentation/arch/x86/boot in Linux. What is packed
# ends in 4 bytes with the length unpacked.
unpack_kernel() {
    local file=$1 setup_sectors offset length unpack
    setup_sectors=$(header_number "$file" 0x1f1 1)
    offset=$(((setup_sectors + 1) * 512 + $(header_number "$file" 0x248 4)))
    length=$(($(header_number "$file" 0x24c 4) - 4))
    case $(od -An -tx1 -j "$offset" -N 4 "$file" | tr -d ' ') in
    28b52ffd) unpack=zstd ;;
    02214c18) unpack=lz4 ;;
    fd377a58) unpack=xz ;;
    *) fail "$status_cannot_start" "Debian packs $file in a way that lab/kernels.sh does not know" ;;
    esac
    dd if="$file" iflag=skip_bytes,count_bytes skip="$offset" count="$length" bs=1M status=none | "$unpack" -dc
}

header_number() { # FILE OFFSET BYTES
    od -An "-tu$3" -j "$(($2))" -N "$3" "$1" | tr -d ' '
}

# Uncompressed: the machine's processor is the slow part, not its memory.
extract_modules() {
    local dir=$1 version=$2 wanted=$3 module name number=10
    mkdir "$dir/modules"
    while read -r module; do
        number=$((number + 1))
        name=${module##*/}
        name=$dir/modules/$number-${name%%.ko*}.ko
        case $module in
        *.xz) xz -dc "$module" >"$name" ;;
        *.zst) zstd -dqc "$module" >"$name" ;;
        *) cp "$module" "$name" ;;
        esac
    done < <(modules_to_load "$dir/unpacked" "$version" "$wanted")
    [[ -n $(find "$dir/modules" -name "*${wanted##* }.ko") ]] ||
        fail "$status_cannot_start" "no ${wanted##* } module in Debian's Linux $version: lab/kernels.sh looks in the wrong place"
}

modules_to_load() {
    # shellcheck disable=SC2086 # a list of words
    modprobe --dirname "$1" --set-version "$2" --show-depends --all $3 |
        awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}
