# mirrors.sh: which mirrors of Debian's archive the lab downloads from. Sourced by lab/lab.
#
# The first of: TRAPLINE_DEBIAN_MIRROR and TRAPLINE_DEBIAN_SECURITY_MIRROR; this host's apt configuration, where it has
# Debian's archive; the default of the installed debootstrap. No mirror's name is written here. Whatever is found,
# debian.sh accepts only what Debian's keyring signed.

# Answers of find_mirrors.
debian_mirror=
debian_security_mirror=
debian_mirror_from=

find_mirrors() {
    local known security
    [[ -z $debian_mirror ]] || return 0
    known=$(mirrors_of_apt || true)
    debian_mirror=${TRAPLINE_DEBIAN_MIRROR:-} debian_mirror_from=TRAPLINE_DEBIAN_MIRROR
    if [[ -z $debian_mirror ]]; then
        debian_mirror=$(first_mirror debian "$known") debian_mirror_from="this host's apt sources"
    fi
    if [[ -z $debian_mirror ]]; then
        debian_mirror=$(first_mirror debian "$(mirror_of_debootstrap)") debian_mirror_from="debootstrap's default"
    fi
    [[ -n $debian_mirror ]] ||
        fail "$status_cannot_start" "no mirror of Debian's archive is known here: this host's apt sources name none, and debootstrap" \
            "is not installed. Set TRAPLINE_DEBIAN_MIRROR to the URL of a mirror, or install debootstrap"
    security=$(first_mirror debian-security "$known")
    # Most mirrors carry both archives side by side.
    debian_security_mirror=${TRAPLINE_DEBIAN_SECURITY_MIRROR:-${security:-${debian_mirror%/debian}/debian-security}}
}

# Base URLs of the archives in apt's sources, in apt's order; first those of which apt has a list that says it is
# Debian's: other archives can have Debian's suites too.
mirrors_of_apt() {
    # shellcheck disable=SC2016 # apt expands them
    LC_ALL=C apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        sed -n 's/^Debian //p'
    LC_ALL=C apt-get --print-uris update 2>/dev/null | sed -nE "s,^'([^' ]+)/dists/[^' ]+/InRelease'.*,\1,p"
}

mirror_of_debootstrap() {
    local program
    program=$(type -P debootstrap) || return 0
    sed -nE 's/^DEF_MIRROR="?([^"]+)"?$/\1/p' "$program"
}

# first_mirror ARCHIVE URLS: the first URL that ends with /ARCHIVE, as every mirror of Debian does. A cdrom: is none.
first_mirror() {
    sed -E 's,/+$,,' <<<"$2" | awk -v end="/$1" '
        /^cdrom:/ { next }
        substr($0, length($0) - length(end) + 1) == end { print; exit }'
}
