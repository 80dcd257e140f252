// Commands that open a shell to somewhere else, or bring code in.

rule sealbag_reverse_shell_one_liner
{
    meta:
        description = "command that connects a shell to another host (reverse shell)"
        author = "sealbag"
        level = "alert"
        score = 85
        why = "it gives whoever listens there a shell on this host"
        not_proof = "not that it ran or was reached; notes and training material hold such lines too"
        reference = "https://attack.mitre.org/techniques/T1059/004/"
    strings:
        $bash = /\b(ba|z|k|da)?sh\s{1,4}-i\s{0,4}(>&?|&>|[0-9]{1,3}<>)\s{0,4}\/dev\/(tcp|udp)\/[0-9a-z.\-]{4,80}\/[0-9]{1,5}/
        $exec = /exec\s{1,4}[0-9]{1,3}<>\s{0,4}\/dev\/tcp\/[0-9]{1,3}\.[0-9.]{5,11}\/[0-9]{1,5}\s{0,4};/
        $nc = /\b(nc|ncat|netcat)(\.traditional|\.exe)?\s{1,4}(-[a-z]{1,6}\s{1,4}){0,3}([0-9]{1,3}\.){3}[0-9]{1,3}\s{1,4}[0-9]{1,5}\s{1,4}-(e|c)\s{1,4}["']?(\/bin\/)?(ba|da|z)?sh\b/
        $nc_first = /\b(nc|ncat|netcat)(\.traditional)?\s{1,4}-[a-z]{0,5}e\s{1,4}\/bin\/(ba|da|z)?sh\s{1,4}([0-9]{1,3}\.){3}[0-9]{1,3}\s{1,4}[0-9]{1,5}/
        $fifo = /mkfifo\s{1,4}[^\s;|&]{1,60}\s{0,4}(;|&&)[^\n]{0,80}sh\s{1,4}-i\s{1,4}2>&1\s{0,4}\|\s{0,4}(nc|ncat|netcat|openssl|telnet)\b/
        $python = /socket\.socket\([^\n]{0,120}\.connect\(\(["'][^"']{4,80}["']\s{0,4},\s{0,4}[0-9]{1,5}\)\)[^\n]{0,120}os\.dup2\([^\n]{0,200}(pty\.spawn|subprocess\.(call|Popen|run))\(/
        $perl = /socket\(S,\s{0,4}PF_INET[^\n]{0,200}open\(STDIN,\s{0,4}">&S"\)[^\n]{0,120}exec\(/
        $php = /fsockopen\(["'][^"']{4,80}["'],\s{0,4}[0-9]{1,5}\)\s{0,4};[^\n]{0,40}\b(exec|shell_exec|system|proc_open)\(["'](\/bin\/)?(ba)?sh\s{1,4}-i/
        $ps = /New-Object\s{1,4}(System\.)?Net\.Sockets\.TCPClient\([^\n]{4,80}\)[^\n]{0,600}(iex|Invoke-Expression)\b/ nocase ascii wide
    condition:
        filesize < 20MB and any of them
}

rule sealbag_powershell_download_cradle
{
    meta:
        description = "PowerShell that fetches code and runs it without a file (download cradle)"
        author = "sealbag"
        level = "warning"
        score = 75
        why = "a usual second step of an intrusion: the code is never on the disk"
        not_proof = "administrators and installers do the same: look at the address"
        reference = "https://attack.mitre.org/techniques/T1059/001/"
    strings:
        $iex = /\b(iex|Invoke-Expression)\b[\s("'&{]{1,12}(\(?\s{0,4}New-Object\s{1,4}(System\.)?Net\.WebClient\)?\s{0,4}\.\s{0,4}Download(String|Data)|iwr\b|irm\b|Invoke-(WebRequest|RestMethod)\b)/ nocase ascii wide
        $pipe = /\.Download(String|Data)\s{0,4}\(\s{0,4}["'](https?|ftp):[^"'\n]{4,300}["']\s{0,4}\)\s{0,4}\|\s{0,4}(iex|Invoke-Expression)\b/ nocase ascii wide
        $load = /Reflection\.Assembly\]::Load\(\s{0,4}\(?\s{0,4}New-Object\s{1,4}(System\.)?Net\.WebClient/ nocase ascii wide
    condition:
        filesize < 64MB and any of them
}

rule sealbag_powershell_encoded_command
{
    meta:
        description = "PowerShell started with an encoded command that fetches or unpacks code"
        author = "sealbag"
        level = "alert"
        score = 80
        why = "the base64 text after -enc begins with what attack tools begin with"
        not_proof = "management software encodes commands too: decode it (UTF-16) and read it"
        reference = "https://attack.mitre.org/techniques/T1027/010/"
    strings:
        // base64 of UTF-16: IEX, iex, $s=New-Object IO.MemoryStream, [Reflection, $client = New-Object, powershell, (New-Object
        $enc = /[\-\/][eE][a-zA-Z]{0,13}\s{1,4}["']?(SQBFAFgA|aQBlAHgA|SQBuAHYAbwBrAGUALQBFAHgA|JABzAD0ATgBlAHcALQBPAGIA|WwBSAGUAZgBsAGUAYwB0AGkAbwBuA|JABjAGwAaQBlAG4AdAAgAD0AIABOAGUA|KABOAGUAdwAtAE8AYgBqAGUAYwB0AC|cABvAHcAZQByAHMAaABlAGwAbA)[A-Za-z0-9+\/]{20}/ ascii wide
    condition:
        filesize < 64MB and $enc
}

rule sealbag_script_carries_program
{
    meta:
        description = "script that carries a program as base64 text"
        author = "sealbag"
        level = "warning"
        score = 65
        why = "a dropper: it writes the program out and starts it"
        not_proof = "self-extracting installers do the same: decode it and look"
        reference = "https://attack.mitre.org/techniques/T1027/009/"
    strings:
        $elf = /f0VMRg[EI][BC]AQ[A-D][A-Za-z0-9+\/]{100}/
        $pe = /TVqQAAMAAAAEAAAA\/\/8AALgAAAA[A-Za-z0-9+\/=]{60}/
        $pe_wide = /TVqQAAMAAAAEAAAA\/\/8AALgAAAA/ wide
        $run = /base64\s{1,4}(-d|-D|--decode)|b64decode|decode_base64|base64_decode|FromBase64String|certutil(\.exe)?\s{1,4}-decode/ nocase ascii wide
    condition:
        filesize < 32MB and any of ($elf, $pe, $pe_wide) and $run
        and uint16(0) != 0x5a4d and uint32(0) != 0x464c457f
}
