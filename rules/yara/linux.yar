// How intruders stay on a Linux host, and what they run there.

rule sealbag_linux_cron_fetches_and_runs
{
    meta:
        description = "scheduled job that fetches a script and pipes it into a shell"
        author = "sealbag"
        level = "alert"
        score = 85
        why = "miners and botnets come back this way after every cleaning"
        not_proof = "not that the job ran: look for it in the cron log; some vendors install agents so"
        reference = "https://attack.mitre.org/techniques/T1053/003/"
    strings:
        $line = /(^|\n)\s{0,4}(@(reboot|hourly|daily|weekly)|([*0-9][0-9,\/*\-]{0,20}\s{1,8}){5})[^\n#]{0,200}\b(curl|wget|fetch|lwp-download)\b[^\n]{1,400}\|\s{0,4}(sudo\s{1,4})?(\/bin\/)?(ba|da|z)?sh\b/
        $temp = /(^|\n)\s{0,4}(@reboot|([*0-9][0-9,\/*\-]{0,20}\s{1,8}){5})(root\s{1,8})?(\/tmp|\/var\/tmp|\/dev\/shm)\/\.[^\s\/]{1,80}/
    condition:
        filesize < 1MB and any of them
}

rule sealbag_linux_preload_from_temporary_folder
{
    meta:
        description = "ld.so.preload names a library in a folder that anybody may write to, or a hidden one"
        author = "sealbag"
        level = "alert"
        score = 95
        why = "every program of the host loads that library: the usual root kit of user space"
        not_proof = "not what the library does: take it and read it"
        reference = "https://attack.mitre.org/techniques/T1574/006/"
    strings:
        $temporary = /\/(tmp|shm|run\/user\/[0-9]{1,8})\/[^\s:]{1,120}/
        $hidden = /\/\.[^\s:\/]{1,60}(\/[^\s:]{1,120})?\.so/
    condition:
        filename == "ld.so.preload" and filesize < 64KB and any of them
}

rule sealbag_linux_preload_root_kit
{
    meta:
        description = "shared library that takes the place of readdir and hides files (user-space root kit)"
        author = "sealbag"
        level = "alert"
        score = 85
        why = "with it loaded, ls, find, ps and netstat do not show what it hides"
        not_proof = "not that it is loaded: look at ld.so.preload and the maps of processes"
        reference = "https://attack.mitre.org/techniques/T1014/"
    strings:
        $preload = "/etc/ld.so.preload" fullword
        $next = "dlsym" fullword
        $list = /\x00readdir(64)?\x00/
        $other = /\x00(accept|pam_authenticate|__lxstat(64)?|unlinkat|fopen(64)?|execve|write)\x00/
        $proc = /\/proc\/(net\/tcp|self\/fd|%d)/
    condition:
        uint32(0) == 0x464c457f and uint16(16) == 3 and filesize < 1MB
        and $preload and $next and $list and #other >= 3 and $proc
}

rule sealbag_linux_unit_runs_from_temporary_folder
{
    meta:
        description = "systemd unit that starts a program in a temporary or hidden folder"
        author = "sealbag"
        level = "alert"
        score = 80
        why = "no package does this; it starts with the host"
        not_proof = "not that the unit is enabled or ran: look at the journal"
        reference = "https://attack.mitre.org/techniques/T1543/002/"
    strings:
        $service = /(^|\n)\[Service\]/
        $start = /\nExec(Start|StartPre|StartPost|Reload)\s{0,4}=\s{0,4}[@\-+!:]{0,3}(\/(ba|da)?sh\s{1,4}-c\s{1,4}["']?)?\/((tmp|var\/tmp|dev\/shm)\/|[^\s]{0,80}\/\.[a-z0-9])[^\s]{0,120}/ nocase
    condition:
        filesize < 64KB and $service and $start
}

rule sealbag_ssh_key_with_command
{
    meta:
        description = "SSH key whose login runs a command that fetches, hides or opens a shell"
        author = "sealbag"
        level = "alert"
        score = 85
        why = "each login with this key runs it, whoever the user is: a back door that survives a new password"
        not_proof = "not that anybody logged on with it: look for its fingerprint in the auth log"
        reference = "https://attack.mitre.org/techniques/T1098/004/"
    strings:
        $command = /(^|\n)[^\n#]{0,200}(command|environment)\s{0,2}=\s{0,2}"[^"\n]{0,300}(\bcurl\b|\bwget\b|\/dev\/(tcp|shm)\/|\bnc\s{1,4}-|\/tmp\/|base64\s{1,4}-d|LD_PRELOAD|nohup\b)[^"\n]{0,300}"[^\n]{0,200}\s(ssh-(rsa|ed25519|dss)|ecdsa-sha2-|sk-)[a-z0-9@.\-]{0,60}\sAAAA/
    condition:
        filesize < 1MB and $command
}

rule sealbag_elf_upx_packed
{
    meta:
        description = "Linux program packed with UPX"
        author = "sealbag"
        level = "notice"
        score = 50
        why = "malware for Linux is often packed so; distributions pack nothing"
        not_proof = "many honest tools are packed: unpack it (upx -d) and compare its digest"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
    strings:
        $mark = { 55 50 58 21 ?? ?? ?? 0? }
        $info = "$Info: This file is packed with the UPX executable packer"
    condition:
        uint32(0) == 0x464c457f and (for any i in (1..#mark) : (@mark[i] < 0x400) or $info) and filesize < 100MB
}

rule sealbag_elf_runs_from_memory
{
    meta:
        description = "small Linux program that receives code from the network and runs it out of memory"
        author = "sealbag"
        level = "warning"
        score = 70
        why = "what it runs is never on the disk (memfd_create, then execution through its descriptor)"
        not_proof = "container and update tools do the like: read it before you judge"
        reference = "https://attack.mitre.org/techniques/T1620/"
    strings:
        $memfd = /\x00memfd_create\x00/
        $call = { B8 3F 01 00 00 } // mov eax, 319: memfd_create on x86-64
        $exec = /\x00fexecve\x00/
        $path = /\/proc\/(self|%d)\/fd\/%[du]/
        $path_exec = /\x00exec(ve|v|l|le)\x00/
        $net = /\x00(connect|recv|recvfrom|inet_addr|inet_pton|gethostbyname|getaddrinfo)\x00/
    condition:
        uint32(0) == 0x464c457f and filesize < 256KB and ($memfd or $call) and $net
        and ($exec or ($path and $path_exec))
}

rule sealbag_crypto_miner
{
    meta:
        description = "crypto-currency miner, its configuration or its start line"
        author = "sealbag"
        level = "warning"
        score = 75
        why = "miners are what most break-ins into servers leave; who could place one could do more"
        not_proof = "not who placed it; somebody's own miner looks the same"
        reference = "https://attack.mitre.org/techniques/T1496/"
    strings:
        $pool = /stratum\+(tcp|ssl|tls|udp):\/\/[a-z0-9.\-]{4,80}:[0-9]{2,5}/ nocase
        $donate = /["'\-]donate-level["'= :]/
        $algo = /["'= \/](rx\/0|randomx|cryptonight(\/[a-z0-9]{1,8})?|kawpow)["', \x00\n]/ nocase
        // the first atoms must be rare, or every file is scanned at a tenth of the speed
        $wallet = /"(user|wallet)"\s{0,4}:\s{0,4}"[48][1-9A-HJ-NP-Za-km-z]{94}/
        $wallet_line = /\s(-u|--user|--wallet)[ =][48][1-9A-HJ-NP-Za-km-z]{94}/
        $name = /\b(xmrig|xmr-stak|minerd|cpuminer|nbminer|kdevtmpfsi)\b/ nocase
        $coin = /["']coin["']\s{0,4}:\s{0,4}["'](monero|xmr)["']/ nocase
    condition:
        filesize < 32MB and ($pool or any of ($wallet*) or $donate) and 2 of them
}
