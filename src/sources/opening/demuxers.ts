/** ffmpeg's demuxers of containers that are in use; what HTTP sources and files over the API may be. What is left out on purpose, here and below: scripts and
 * playlists (concat, dash, sdp, …), which make ffmpeg open other addresses, and readers of text, of raw data and of pictures, which make a "video" of anything. */
const COMMON = 'mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,mpegvideo,avi,flv,live_flv,asf,ogg,h261,h263,h264,hevc,vvc,m4v,av1,obu,ivf,vc1,mxf,nut,mjpeg,mpjpeg,gif,apng,yuv4mpegpipe,rm,dv,wtv,dhav,wav,mp3,aac,flac';

/** The other containers of video that ffmpeg reads (but `mlv`, which opens files beside its own): studios, recorders and games, as ffmpeg 5.1 to 7.1 list them. */
const RARE =
  '4xm,anm,asf_o,avs,avs2,avs3,bethsoftvid,bfi,bink,bmv,c93,cavsvideo,cdxl,cine,dfa,dirac,dnxhd,dsicin,dxa,ea,film_cpk,filmstrip,flic,frm,gdv,gxf,hnm,idcin,iff,ifv,ingenient,ipmovie,ipu,iss,iv8,ivr,jv,kux,lmlm4,luodat,lvf,lxf,mgsts,' +
  'mjpeg_2000,mm,mods,moflex,mpegtsraw,msnwctcp,mtv,mv,mvi,mxg,nc,nsv,nuv,paf,pmp,psxstr,pva,r3d,rl2,roq,rpl,ser,sga,siff,simbiosis_imx,smjpeg,smk,smush,svs,swf,thp,tiertexseq,tmv,txd,ty,vc1test,vividas,vivo,vmd,wc3movie,wsvqa,xmv,yop';

/** Demuxers, for `-format_whitelist`, of a recording on disk. */
export const FILE_DEMUXERS = `${COMMON},${RARE}`;

/** … of what comes over HTTP: HLS too, as all that a playlist names goes through the gateway. */
export const HTTP_DEMUXERS = `${COMMON},hls`;

/** Whether a source is HLS. */
export function isHls({ container }: { readonly container: string }): boolean {
  return container === 'hls';
}

/** Containers that carry no times: a frame's time is that of its arrival. */
const WITHOUT_TIMES: ReadonlySet<string> = new Set(['mpjpeg', 'mjpeg', 'h261', 'h263', 'h264', 'hevc', 'vvc', 'm4v', 'mpegvideo', 'vc1', 'av1', 'obu', 'dirac', 'avs2', 'avs3', 'cavsvideo', 'dnxhd', 'ingenient', 'smjpeg']);

/** @param container as ffprobe names it */
export function carriesTimes(container: string): boolean {
  return !WITHOUT_TIMES.has(container);
}
