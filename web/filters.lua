-- What Quarto understands and plain pandoc does not: callouts, a figure's alt text, links between notebooks.
-- And links to the public site or repository stay on this copy of the book.

local names = { note = "Note", tip = "Tip", important = "Important", warning = "Warning", caution = "Caution" }
local site, source, pages

local function text(meta) return meta and pandoc.utils.stringify(meta) or "" end

local function read_meta(meta)
  site, source, pages = text(meta.site), text(meta.source), meta.pages or {}
end

local function callout(div)
  local kind
  for name, _ in pairs(names) do
    if div.classes:includes("callout-" .. name) then kind = name end
  end
  if not kind then return nil end
  local title = pandoc.Plain(names[kind])
  local first = div.content[1]
  if div.attributes.title then
    title = pandoc.Plain(pandoc.read(div.attributes.title, "markdown").blocks[1].content)
  elseif first and first.t == "Header" then
    title = pandoc.Plain(first.content)
    div.content:remove(1)
  end
  local folded = div.attributes.collapse == "true"
  local outer, head = "aside", "p"
  if div.attributes.collapse then outer, head = "details", "summary" end
  local opening = string.format('<%s class="callout callout-%s"%s><%s class="callout-title">', outer, kind,
    (outer == "details" and not folded) and " open" or "", head)
  local blocks = pandoc.Blocks({ pandoc.RawBlock("html", opening), title, pandoc.RawBlock("html", "</" .. head .. ">") })
  blocks:extend(div.content)
  blocks:insert(pandoc.RawBlock("html", "</" .. outer .. ">"))
  return blocks
end

local function image(img)
  img.attributes.alt = img.attributes["fig-alt"] or pandoc.utils.stringify(img.caption)
  img.attributes["fig-alt"] = nil
  return img
end

local function starts(s, prefix) return prefix ~= "" and s:sub(1, #prefix) == prefix end

local function link(a)
  if starts(a.target, source) then
    a.target = a.target:sub(#source + 1):gsub("%.py#L", ".html#L-"):gsub("%.py$", ".html")
    a.target = "source/" .. a.target
    return pandoc.Link(a.content, a.target, "", { class = "source-link" })
  end
  if starts(a.target, site) then a.target = a.target:sub(#site + 1) end
  if a.target:match("%.html#_") then return a.content end -- nbdev links private names, which have no documentation
  local notebook, rest = a.target:gsub("^%./", ""):match("^([%w_-]+%.ipynb)(.*)$")
  if notebook and pages[notebook] then a.target = text(pages[notebook]) .. rest end
  a.attributes.target = nil
  return a
end

local function tables(t)
  return { pandoc.RawBlock("html", '<div class="table" tabindex="0">'), t, pandoc.RawBlock("html", "</div>") }
end

return { { Meta = read_meta }, { Div = callout, Image = image, Link = link, Table = tables } }
