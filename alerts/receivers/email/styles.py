"""The e-mail's inline styles: mail programs read these and little else.

Classes in the template only add what some programs can do: dark colours, narrow screens.
"""

from __future__ import annotations

_FONT = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_MONOSPACE = "ui-monospace,SFMono-Regular,Menlo,Consolas,monospace"
_LINE = "border-top:1px solid #d8dee6"
_BREAK = "word-break:break-word"
_CAPITALS = "font-size:12px;line-height:16px;font-weight:700;letter-spacing:.08em;text-transform:uppercase"  # fmt: skip
_BUTTON = (
    "display:inline-block;border-radius:6px;padding:9px 16px;margin-right:8px;font-size:14px;"
    "line-height:20px;font-weight:600;text-decoration:none"
)

STYLES = {
    "body": "margin:0;padding:0;background-color:#eef1f5;-webkit-text-size-adjust:100%",
    "page": "background-color:#eef1f5",
    "outer": "padding:24px 12px",
    "frame": "max-width:640px;background-color:#ffffff;border:1px solid #d8dee6;"
    f"border-radius:10px;overflow:hidden;font-family:{_FONT}",
    "preheader": "display:none;max-height:0;overflow:hidden",
    "head": "padding:18px 24px",
    "head_status": _CAPITALS,
    "head_name": f"font-size:22px;line-height:28px;font-weight:700;padding-top:4px;{_BREAK}",
    "head_scope": f"font-size:14px;line-height:20px;padding-top:4px;{_BREAK}",
    "divider": f"padding:14px 24px;{_LINE};color:#57606a;{_CAPITALS}",
    "more": f"padding:16px 24px;{_LINE};font-size:15px;line-height:22px",
    "foot": f"padding:14px 24px 18px;{_LINE};color:#57606a;font-size:12px;line-height:18px;{_BREAK}",
    "link": "color:#0b62b5",
    "card": f"padding:18px 24px;{_LINE}",
    "badge": "display:inline-block;font-size:11px;line-height:18px;font-weight:700;"
    "letter-spacing:.04em;text-transform:uppercase;border-radius:4px;padding:0 7px;vertical-align:2px",
    "heading": f"color:#1f2328;font-size:17px;line-height:24px;font-weight:700;{_BREAK}",
    "description": f"color:#1f2328;font-size:15px;line-height:22px;padding-top:6px;{_BREAK}",
    "facts_cell": "padding-top:12px",
    "facts": "font-size:14px;line-height:20px",
    "fact_name": "color:#57606a;padding:2px 14px 2px 0",
    "fact": f"color:#1f2328;padding:2px 0;{_BREAK}",
    "value": "color:#1f2328;padding:2px 0;font-weight:700",
    "aside": "color:#57606a;white-space:nowrap",
    "condition_cell": "padding-top:10px",
    "condition": "background-color:#f3f5f8;color:#1f2328;border-radius:6px;padding:8px 10px;"
    f"font-family:{_MONOSPACE};font-size:13px;line-height:18px;{_BREAK}",
    "actions": "padding-top:14px",
    "main_action": f"{_BUTTON};background-color:#0b62b5;color:#ffffff;border:1px solid #0b62b5",
    "action": f"{_BUTTON};background-color:#ffffff;color:#1f2328;border:1px solid #c4ccd6",
}
