#!/usr/bin/env bash
# Names every image by its digest; `scripts/pin-digests.sh --help` says more.
set -Eeuo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'TEXT'
usage: scripts/pin-digests.sh [--dry-run|--check|--list] [PATH...]

Asks the registry for the digest of every image that Dockerfiles, compose.yaml, deploy/ and the pipelines name by its
tag alone, and writes it beside the tag; PATH, from the project's root, limits that to some files or folders. Either
all files are written or none. A digest in an overlay carries its tag as a comment: where the tag has moved on, it is
asked for anew.

  --dry-run  prints what would be written, and writes nothing
  --check    lists what has no digest, and exits 5 if there is any; asks no registry
  --list     lists the images that are pulled and not built here; asks no registry

DIGEST_TOOL says who asks: crane, skopeo or docker (its buildx); else the first of them that is installed.
TEXT
}

say() { printf '%s\n' "$*" >&2; }

# die CODE MESSAGE HINT
die() {
  say "error: $2"
  say "  hint: $3"
  exit "$1"
}

find_files() {
  find "$@" \( -name node_modules -o -name .git \) -prune -o -type f \( -name 'Dockerfile*' -o -name compose.yaml \
    -o -name .gitlab-ci.yml -o -path './.github/workflows/*.yml' -o -path './deploy/*.yaml' \) -print | LC_ALL=C sort
}

# Prints `file, line, image as written, image, open|pinned` for each FROM and --from that is not an earlier stage.
in_dockerfile() {
  awk -v OFS='\t' '
    function found(written,    image, name) {
      image = written
      for (name in args) while (at = index(image, "${" name "}"))
        image = substr(image, 1, at - 1) args[name] substr(image, at + length(name) + 3)
      if (!(written in stages) && written != "scratch")
        print FILENAME, FNR, written, image, image ~ /@sha256:/ ? "pinned" : "open"
    }
    toupper($1) == "ARG" && (at = index($2, "=")) {
      value = substr($2, at + 1)
      gsub(/"/, "", value)
      args[substr($2, 1, at - 1)] = value
    }
    toupper($1) == "FROM" {
      for (field = 2; $field ~ /^--/; field++);
      found($field)
      if (toupper($(field + 1)) == "AS") stages[$(field + 2)]
    }
    toupper($1) == "COPY" && $2 ~ /^--from=.*[\/:]/ { found(substr($2, 8)) }
  ' "$1"
}

# The same for each `image:`, but for those that an overlay names and the variables of pipelines.
in_yaml() {
  awk -v OFS='\t' '
    FILENAME == ARGV[1] { own[$0]; next }
    /^[ -]*image: *[^ ]/ {
      image = $0
      sub(/^[ -]*image: */, "", image)
      sub(/ +#.*/, "", image)
      gsub(/["\047]/, "", image)
      name = image
      sub(/@.*/, "", name)
      sub(/:[^:\/]*$/, "", name)
      if (!(name in own) && image !~ /[$]/) print FILENAME, FNR, image, image, image ~ /@sha256:/ ? "pinned" : "open"
    }
  ' "$work/own" "$1"
}

# The same for the `images:` of a kustomization, with `tag` as what is written, and `drop` for a digest of another tag.
in_kustomization() {
  awk -v OFS='\t' '
    function flush() {
      if (tag == "") name = ""
      if (name == "") return
      state = digest != "" && of == tag ? "pinned" : "open"
      print FILENAME, line, "tag", name ":" tag, state
      if (state == "open" && digest != "") print FILENAME, digest, "drop", "", "drop"
      name = tag = digest = of = ""
    }
    /^[a-zA-Z]/ { flush(); inside = $1 == "images:"; next }
    inside {
      if ($1 == "-") { flush(); tag = digest = of = ""; sub(/-/, " ") }
      text = $2
      gsub(/["\047]/, "", text)
      if ($1 == "name:" && name == "" || $1 == "newName:") name = text
      if ($1 == "newTag:") { tag = text; line = FNR }
      if ($1 == "digest:") { digest = FNR; of = $4 }
    }
    END { flush() }
  ' "$1"
}

scan() {
  local file
  find_files ./deploy | grep '/kustomization\.yaml$' | while read -r file; do in_kustomization "$file"; done |
    awk -F '\t' '$3 == "tag" { sub(/:[^:\/]*$/, "", $4); print $4 }' >"$work/own"
  # A project without overlays has no image of its own; awk tells files apart by their first line.
  [[ -s $work/own ]] || printf '\n' >"$work/own"
  find_files "${paths[@]}" | while read -r file; do
    case ${file##*/} in
    Dockerfile*) in_dockerfile "$file" ;;
    kustomization.yaml) in_kustomization "$file" ;;
    *) in_yaml "$file" ;;
    esac
  done | sed 's|^\./||' >"$work/images"
}

choose_tool() {
  local candidate
  for candidate in ${DIGEST_TOOL:-crane skopeo docker}; do
    command -v "$candidate" >/dev/null || continue
    printf '%s\n' "$candidate"
    return
  done
  die 1 "\`${DIGEST_TOOL:-crane, skopeo or docker}\` is not installed" 'install one of crane, skopeo and docker'
}

ask() {
  case $tool in
  crane) crane digest "$1" ;;
  skopeo) skopeo inspect --no-tags --format '{{.Digest}}' "docker://$1" ;;
  docker) docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$1" ;;
  *) die 2 "DIGEST_TOOL is \`$tool\`" 'crane, skopeo or docker' ;;
  esac
}

# Adds each image's digest to its lines.
resolve() {
  local image digest
  awk -F '\t' '$5 == "open" { print $4 }' "$work/images" | sort -u >"$work/open"
  while read -r image; do
    digest=$(ask "$image" </dev/null) || die 1 "no digest of \`$image\`: nothing was changed" \
      'is the registry reachable, and the image pushed? a PATH leaves the others out'
    [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || die 1 "\`$digest\` is no digest of \`$image\`: nothing was changed" \
      "ask the registry with $tool by hand"
    printf '%s\t%s\n' "$image" "$digest" >>"$work/digests"
  done <"$work/open"
  awk -F '\t' -v OFS='\t' 'NR == FNR { digest[$1] = $2; next } $5 != "pinned" { print $0, digest[$4] }' \
    "$work/digests" "$work/images" >"$work/plan"
}

# Prints a file with its part of the plan carried out.
pinned() {
  awk -F '\t' -v file="$1" '
    FILENAME == ARGV[1] { if ($1 == file) { written[$2] = $3; image[$2] = $4; digest[$2] = $6 } next }
    !(FNR in written) { print; next }
    written[FNR] == "drop" { next }
    written[FNR] == "tag" {
      tag = image[FNR]
      sub(/.*:/, "", tag)
      match($0, /[^ -]/)
      printf "%s\n%*sdigest: %s  # %s\n", $0, RSTART - 1, "", digest[FNR], tag
      next
    }
    {
      end = index($0, written[FNR]) + length(written[FNR])
      print substr($0, 1, end - 1) "@" digest[FNR] substr($0, end)
    }
  ' "$work/plan" "$1"
}

# Everything is beside its place before anything takes it, and then it is not interrupted.
write() {
  local file
  while read -r file; do
    staged+=("$file.pinned")
    cp -p "$file" "$file.pinned"
    pinned "$file" >"$file.pinned"
  done < <(cut -f 1 "$work/plan" | uniq)
  trap '' HUP INT TERM
  for file in "${staged[@]}"; do mv "$file" "${file%.pinned}"; done
}

finish() {
  rm -rf "$work"
  ((${#staged[@]} == 0)) || rm -f "${staged[@]}"
}

mode='write'
case ${1-} in
--help | -h)
  usage
  exit
  ;;
--dry-run | --check | --list)
  mode=${1#--}
  shift
  ;;
-*) die 2 "there is no option \`$1\`" 'scripts/pin-digests.sh --help' ;;
esac
paths=(.)
(($# == 0)) || paths=("${@/#/./}")
for path in "${paths[@]}"; do
  [[ -e $path ]] || die 2 "there is no \`${path#./}\`" 'PATH is a file or a folder, from the root of the project'
done

staged=()
work=$(mktemp -d)
trap finish EXIT
: >"$work/digests"
scan
case $mode in
check)
  awk -F '\t' '$5 == "open" { print $1 ":" $2 ": " $4; open = 5 } END { exit open }' "$work/images"
  ;;
list)
  awk -F '\t' '$3 != "tag" && $3 != "drop" { print $4 }' "$work/images" | LC_ALL=C sort -u
  ;;
*)
  grep -q 'open$' "$work/images" || {
    say 'every image has its digest'
    exit
  }
  tool=$(choose_tool)
  resolve
  awk -F '\t' '$5 == "open" { print $1 ":" $2 ": " $4 "@" $6 }' "$work/plan"
  [[ $mode == dry-run ]] || write
  ;;
esac
