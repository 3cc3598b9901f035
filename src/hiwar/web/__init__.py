"""The site: announcements, listening pages, replays, and the operator's desk. Django, behind the edge.

Nothing here is on the path of live sound: when this process dies, live conversations go on and pages
come from the edge's cache until it is back.
"""
