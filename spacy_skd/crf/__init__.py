import numpy as np
from dataclasses import dataclass
@dataclass
class Potentials:
    unary: object; lengths: object; transitions: object; start: object; end: object
    @property
    def n_labels(self): return self.unary.shape[1]
    def tempered(self,T): return Potentials(self.unary/T,self.lengths,self.transitions/T,self.start/T,self.end/T)
@dataclass
class Moments:
    unary: object; transitions: object; log_partition: object=None
def lse(a,axis):
    m=a.max(axis=axis,keepdims=True); m=np.where(np.isfinite(m),m,0)
    with np.errstate(divide='ignore'): return (np.log(np.exp(a-m).sum(axis=axis,keepdims=True))+m).squeeze(axis)
def fb(p):
    o=0; U=np.asarray(p.unary,float);T=np.asarray(p.transitions,float);B=len(p.lengths);L=U.shape[1]
    mu=np.zeros(U.shape);mt=np.zeros((B,L,L));Z=np.zeros(B)
    for b,n in enumerate(p.lengths):
        n=int(n)
        if n==0: continue
        u=U[o:o+n];a=np.zeros((n,L));c=np.zeros((n,L))
        a[0]=u[0]+p.start
        for t in range(1,n): a[t]=lse(a[t-1][:,None]+T,0)+u[t]
        c[n-1]=p.end
        for t in range(n-2,-1,-1): c[t]=lse(T+(u[t+1]+c[t+1])[None],1)
        z=lse(a[n-1]+p.end,0);Z[b]=z
        mu[o:o+n]=np.exp(a+c-z)
        for t in range(1,n): mt[b]+=np.exp(a[t-1][:,None]+T+(u[t]+c[t])[None]-z)
        o+=n
    return Moments(mu,mt,Z)
marginals=fb
def log_partition(p): return fb(p).log_partition
def viterbi(p):
    out=[];S=[];o=0
    for n in p.lengths:
        n=int(n)
        if n==0: S.append(0.);continue
        u=p.unary[o:o+n];d=u[0]+p.start;bp=[]
        for t in range(1,n):
            s=d[:,None]+p.transitions; bp.append(s.argmax(0)); d=s.max(0)+u[t]
        d=d+p.end; j=int(d.argmax());S.append(d[j]);path=[j]
        for q in reversed(bp): j=int(q[j]);path.append(j)
        out+=path[::-1];o+=n
    return np.array(out,dtype=np.int32),np.array(S)
def gold_moments(tags,lengths,L):
    N=len(tags);u=np.zeros((N,L));u[np.arange(N),tags]=1;mt=np.zeros((len(lengths),L,L));o=0
    for b,n in enumerate(lengths):
        for t in range(o+1,o+n): mt[b,tags[t-1],tags[t]]+=1
        o+=n
    return Moments(u,mt)
def mix(parts):
    return Moments(sum(w*m.unary for w,m in parts),sum(w*m.transitions for w,m in parts))
def cross_entropy(p,t,weights=None):
    m=fb(p);B=len(p.lengths);w=np.ones(B) if weights is None else weights
    wt=np.repeat(w,p.lengths)[:,None]
    f=lambda a,b: np.where(b>0,b*np.where(np.isfinite(a),a,0),0)
    st=np.zeros((B,)+p.start.shape);en=st.copy();o=0;l=np.zeros(B);ds=np.zeros(p.start.shape);de=ds.copy();du=m.unary-t.unary
    for b,n in enumerate(p.lengths):
        n=int(n)
        if n==0: continue
        tu=t.unary[o:o+n]
        l[b]=m.log_partition[b]-f(p.unary[o:o+n],tu).sum()-f(p.transitions,t.transitions[b]).sum()-f(p.start,tu[0]).sum()-f(p.end,tu[-1]).sum()
        ds+=w[b]*du[o];de+=w[b]*du[o+n-1];o+=n
    return l*w,Potentials(du*wt,p.lengths,np.einsum('b,bij->ij',w,m.transitions-t.transitions),ds,de)
def nll(p,tags,weights=None): return cross_entropy(p,gold_moments(tags,p.lengths,p.unary.shape[1]),weights)
def partial_nll(p,allowed,weights=None):
    r=fb(Potentials(np.where(allowed,p.unary,-np.inf),p.lengths,p.transitions,p.start,p.end))
    w=np.ones(len(p.lengths)) if weights is None else weights
    l,g=cross_entropy(p,r,w); return w*(log_partition(p)-r.log_partition),g
def kbest(*a): raise NotImplementedError
def kbest_moments(*a,**k): raise NotImplementedError
def posterior_cross_entropy(*a): raise NotImplementedError
def emission_cross_entropy(*a): raise NotImplementedError
NATIVE=False
