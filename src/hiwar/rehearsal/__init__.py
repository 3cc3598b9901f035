"""The rehearsal: a throwaway instance on this machine, an honest crowd, every attack, and what became of all.

`director` plays the acts (`acts`) with an `instance`; the crowd, the attackers, the speakers and the control
sleeper are processes of their own. Each of them reaches one port, by `aim`, which is the only module here
that connects anywhere.
"""
